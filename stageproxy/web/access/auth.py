"""The API token of a request."""

import base64
import binascii
from contextlib import AbstractContextManager

from aiohttp import hdrs, web

from stageproxy.core.errors import UnknownCredentialError
from stageproxy.core.rights import ApiToken, TokenKind, parse_token
from stageproxy.web.access.guesses import Guessed
from stageproxy.web.keys import ACCESS, GUESSES
from stageproxy.web.request_keys import BEARER

_USER = "__token__"
_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_BEARERS = frozenset({"bearer", "token"})


async def authenticate(request: web.Request) -> ApiToken:
    """Return the API token of a request. Raise if it is missing or not valid.

    Requests that may change something are counted. Raise if the token has sent too many.
    """
    token = await authenticate_uncounted(request)
    if request.method not in _READING:
        request.app[ACCESS].count_change(token)
    return token


async def authenticate_uncounted(request: web.Request) -> ApiToken:
    """Return the API token of a request that reads, or that reports what has happened."""
    with _counted(request):
        token = await request.app[ACCESS].authenticate(_credential_in(request))
    request[BEARER] = token
    return token


async def recognize(request: web.Request) -> ApiToken | None:
    """Return the API token of a request for a page, or `None` if it has no valid one.

    uv sends its upload token to the index on the same host, so that a token
    without rights must not prevent reading, unless there are too many of them.
    """
    try:
        with _counted(request):
            return await request.app[ACCESS].recognize(_credential_in(request))
    except UnknownCredentialError:
        return None


def find_stage_token(request: web.Request) -> str | None:
    """Return the stage token that a request has as its credential, `None` if it has none."""
    try:
        credential = _credential_in(request)
    except UnknownCredentialError:
        return None
    token = parse_token(credential) if credential else None
    is_of_stage = token is not None and token.kind is TokenKind.STAGE
    return credential if is_of_stage else None


def _counted(request: web.Request) -> AbstractContextManager[None]:
    """Count the API token of a request if it turns out to be unknown."""
    header = ", ".join(request.headers.getall(hdrs.AUTHORIZATION, []))
    return request.app[GUESSES].counted(Guessed.API_TOKEN, request, header)


def _credential_in(request: web.Request) -> str | None:
    """Return the credential of a request: `Basic __token__:TOKEN`, `Bearer TOKEN`, `token TOKEN`.

    Return `None` if there is none, and raise for any other kind, or for more than one.
    """
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    if not headers:
        return None
    if len(headers) > 1:
        raise UnknownCredentialError
    scheme, _, value = headers[0].partition(" ")
    if scheme.lower() in _BEARERS:
        return value.strip()
    if scheme.lower() != "basic":
        raise UnknownCredentialError
    user, _, password = _decoded(value).partition(":")
    if user != _USER:
        raise UnknownCredentialError
    return password


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UnknownCredentialError from error
