"""What the pages of the desk share: who may see them, how forms arrive, how they answer."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from aiohttp import hdrs, web

from stageproxy.core.errors import InvalidRequestError
from stageproxy.core.rights import Action
from stageproxy.services.sessions import SignedIn
from stageproxy.web.access.same_origin import CrossSiteError, check_same_origin
from stageproxy.web.access.signed_in import find_signed_in
from stageproxy.web.bodies import read_bytes
from stageproxy.web.keys import ACCESS
from stageproxy.web.pages import headers_of_desk, render, root_of
from stageproxy.web.request_keys import BEARER

Form = Mapping[str, str]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Page = Callable[[web.Request, SignedIn], Awaitable[web.StreamResponse]]
Change = Callable[[web.Request, SignedIn, Form], Awaitable[web.StreamResponse]]

FORM_TOKEN = "form-token"  # noqa: S105 - the name of a field
_LONGEST_FORM = 2**16
_MOST_FIELDS = 50
_FORM_TYPE = "application/x-www-form-urlencoded"


def for_signed_in(page: Page) -> Handler:
    """Return the handler of a page that only who is signed in may see. Others are asked to."""

    @wraps(page)
    async def handle(request: web.Request) -> web.StreamResponse:
        signed_in = await find_signed_in(request)
        if signed_in is None:
            return redirect_to_sign_in(request)
        return await page(request, signed_in)

    return handle


def change_of_signed_in(change: Change) -> Handler:
    """Return the handler of a form: sent by a page of ours, of the session, and not too often."""

    @wraps(change)
    async def handle(request: web.Request) -> web.StreamResponse:
        check_same_origin(request)
        signed_in = await find_signed_in(request)
        if signed_in is None:
            return redirect_to_sign_in(request)
        request[BEARER] = signed_in.token
        form = await read_form(request)
        if not signed_in.secret.made(form.get(FORM_TOKEN, "")):
            raise CrossSiteError
        request.app[ACCESS].count_change(signed_in.token)
        return await change(request, signed_in, form)

    return handle


async def read_form(request: web.Request) -> Form:
    """Return the fields of a form, the last of each name."""
    if request.content_type != _FORM_TYPE:
        raise InvalidRequestError(f"A form of the desk has the content type {_FORM_TYPE}.")
    body = await read_bytes(request, _LONGEST_FORM)
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise InvalidRequestError("The form cannot be read.") from error
    return dict(pairs)


def desk_page(
    request: web.Request,
    template: str,
    signed_in: SignedIn | None,
    *,
    status: int = HTTPStatus.OK,
    **values: object,
) -> web.Response:
    """Return a page of the desk, which nobody keeps."""
    body = render(
        request,
        f"desk/pages/{template}",
        root=root_of(request),
        who=signed_in,
        is_admin=bool(signed_in and signed_in.token.permits(Action.TOKENS, None)),
        **values,
    )
    headers = headers_of_desk(request)
    return web.Response(status=status, body=body.encode(errors="replace"), headers=headers)


def see_other(request: web.Request, path: str) -> web.Response:
    """Redirect to a *path* of the desk, which is fetched by GET."""
    headers = {hdrs.LOCATION: root_of(request) + path, hdrs.CACHE_CONTROL: "private, no-store"}
    return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)


def redirect_to_sign_in(request: web.Request) -> web.Response:
    """Ask somebody to sign in, and return to the page after that."""
    # A form is not sent again by itself: its page has the same path.
    return see_other(request, f"/desk/sign-in?next={quote(request.path, safe='/')}")
