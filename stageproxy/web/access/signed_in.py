"""Who is signed in to the desk: the cookie of a session, given, read and taken back."""

from urllib.parse import urlsplit

from aiohttp import hdrs, web

from stageproxy.core.errors import ForbiddenError
from stageproxy.core.sessions import SessionSecret
from stageproxy.services.sessions import SignedIn
from stageproxy.web.access.same_origin import came_by_tls, is_local
from stageproxy.web.keys import SESSIONS, URLS

_SIGNED_IN = web.RequestKey("signed_in", SignedIn)
_LONGEST = 64


class PlainHttpError(ForbiddenError):
    """A session's cookie could be read on its way."""

    def __init__(self) -> None:
        super().__init__(
            "You can sign in over HTTPS only, or on the machine of the server: on plain HTTP, "
            "everybody on the way could read your token. Ask whoever runs the server for its "
            "HTTPS address."
        )


async def find_signed_in(request: web.Request) -> SignedIn | None:
    """Return who sends a request, by the cookie of the session, or `None` for a stranger."""
    if _SIGNED_IN in request:
        return request[_SIGNED_IN]
    secret = secret_of(request)
    found = await request.app[SESSIONS].find(secret) if secret else None
    if found is not None:
        request[_SIGNED_IN] = found
    return found


def noted_signed_in(request: web.Request) -> SignedIn | None:
    """Return who was found to send a request, without looking."""
    return request.get(_SIGNED_IN)


def secret_of(request: web.Request) -> SessionSecret | None:
    """Return what the cookie of a session brings, which need not be a session's."""
    name = _cookie_name(request) if hdrs.COOKIE in request.headers else None
    value = request.cookies.get(name, "") if name else ""
    return SessionSecret(value) if 0 < len(value) <= _LONGEST else None


def check_can_have_cookie(request: web.Request) -> None:
    """Raise if a cookie could be read on its way to the client."""
    if _cookie_name(request) is None:
        raise PlainHttpError


def give_cookie(request: web.Request, response: web.StreamResponse, secret: SessionSecret) -> None:
    """Have a browser send the secret of its session back, to this server alone.

    The browser forgets it when it is closed.
    """
    name = _cookie_name(request)
    if name is None:
        raise PlainHttpError
    response.set_cookie(
        name, secret.value, path="/", secure=came_by_tls(request), httponly=True, samesite="Strict"
    )


def take_cookie_back(request: web.Request, response: web.StreamResponse) -> None:
    """Have a browser forget the secret of its session."""
    if name := _cookie_name(request):
        is_secure = came_by_tls(request)
        response.del_cookie(name, path="/", secure=is_secure, httponly=True, samesite="Strict")


def _cookie_name(request: web.Request) -> str | None:
    """Return the name of the cookie; `None` where there must be none.

    With `__Host-`, no other host and nobody on plain HTTP can set it. Browsers have the same
    cookies for all ports of a host, so that the other name has the port.
    """
    if came_by_tls(request):
        return "__Host-stageproxy"
    if is_local(request):
        return f"stageproxy-{urlsplit(request.app[URLS].public_url).port or 80}"
    return None
