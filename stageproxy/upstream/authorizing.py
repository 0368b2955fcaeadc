"""Credentials on requests to one origin, which take precedence over netrc."""

from collections.abc import Awaitable, Callable

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, encode_basic_auth
from yarl import URL

Middleware = Callable[[ClientRequest, ClientHandlerType], Awaitable[ClientResponse]]


def authorized(authorization: str, url: URL) -> tuple[Middleware, ...]:
    """Return the middleware that sets the header on requests to the origin of *url*, if not empty.

    A header of the request itself would conflict with credentials in netrc, and would
    be sent to the target of a redirect as well.
    """

    async def authorize(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        if request.url.origin() == url.origin():
            request.headers["Authorization"] = authorization
        return await send(request)

    return (authorize,) if authorization else ()


def authorization_in(url: URL) -> str:
    """Return the header for the user and the password in a URL, empty if there are none."""
    return encode_basic_auth(url.user, url.password or "") if url.user is not None else ""
