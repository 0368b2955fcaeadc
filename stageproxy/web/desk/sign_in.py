"""Signing in to the desk with an API token, and out of it."""

import re
from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.core.errors import (
    ForbiddenError,
    MissingCredentialError,
    StageproxyError,
    TooManyGuessesError,
    UnknownCredentialError,
)
from stageproxy.core.rights import ApiToken
from stageproxy.services.sessions import SignedIn
from stageproxy.web.access.guesses import Guessed
from stageproxy.web.access.same_origin import check_same_origin
from stageproxy.web.access.signed_in import (
    check_can_have_cookie,
    find_signed_in,
    give_cookie,
    secret_of,
    take_cookie_back,
)
from stageproxy.web.desk.answers import (
    Form,
    change_of_signed_in,
    desk_page,
    read_form,
    see_other,
)
from stageproxy.web.keys import ACCESS, GUESSES, SESSIONS
from stageproxy.web.request_keys import BEARER

_OWN_PATH = re.compile(r"/desk/[0-9A-Za-z/._+~-]*")
_UNKNOWN = (
    "This server has no such API token. Check that you have copied all of it: it begins with "
    "stgu_, stgm_ or stga_."
)
_REFUSALS = (MissingCredentialError, UnknownCredentialError, ForbiddenError, TooManyGuessesError)


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Return the form to sign in with; who is signed in goes on to the `next` page."""
    following = own_path(request.query.get("next", ""))
    if await find_signed_in(request):
        return see_other(request, following)
    return desk_page(request, "sign-in.html", None, following=following, problem="")


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Start a session for the holder of an API token."""
    check_same_origin(request)
    check_can_have_cookie(request)
    form = await read_form(request)
    following = own_path(form.get("next", ""))
    try:
        token = await _token_in(request, form)
    except _REFUSALS as error:
        return _refused(request, error, following)
    request[BEARER] = token
    request.app[ACCESS].count_change(token)
    signed_in = await request.app[SESSIONS].start(token, secret_of(request))
    response = see_other(request, following)
    give_cookie(request, response, signed_in.secret)
    return response


@change_of_signed_in
async def sign_out(request: web.Request, signed_in: SignedIn, _form: Form) -> web.StreamResponse:
    """End the session."""
    await request.app[SESSIONS].end(signed_in)
    response = see_other(request, "/")
    take_cookie_back(request, response)
    return response


def own_path(text: str) -> str:
    """Return the path of a page of the desk to go on to: its first page for any other text."""
    is_other = "//" in text or ".." in text
    return text if _OWN_PATH.fullmatch(text) and not is_other else "/"


async def _token_in(request: web.Request, form: Form) -> ApiToken:
    """Return the API token in a form. Raise if it is none, or if the client only guesses."""
    text = form.get("token", "").strip()
    with request.app[GUESSES].counted(Guessed.API_TOKEN, request, text):
        return await request.app[ACCESS].authenticate(text)


def _refused(request: web.Request, error: StageproxyError, following: str) -> web.Response:
    """Return the form once more, with what is wrong with the token."""
    is_guess = isinstance(error, TooManyGuessesError)
    problem = _UNKNOWN if isinstance(error, UnknownCredentialError) else error.sentence
    response = desk_page(
        request,
        "sign-in.html",
        None,
        status=HTTPStatus.TOO_MANY_REQUESTS if is_guess else HTTPStatus.FORBIDDEN,
        following=following,
        problem=problem,
    )
    if error.retry_after:
        response.headers[hdrs.RETRY_AFTER] = error.retry_after
    return response
