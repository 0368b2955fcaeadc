"""Here is the token in a request."""

import base64
import binascii

from aiohttp import web

from stageproxy.core.errors import UnknownCredentialError
from stageproxy.core.rights import ApiToken
from stageproxy.web.keys import ACCESS, BEARER

_USER = "__token__"
_BEARERS = frozenset({"bearer", "token"})


async def authenticate(request: web.Request) -> ApiToken:
    """Return the API token of a request, or raise why it does not count."""
    token = await request.app[ACCESS].authenticate(_credential_in(request))
    request[BEARER] = token
    return token


async def recognize(request: web.Request) -> ApiToken | None:
    """Return the API token that a reader sent along, if it counts.

    uv sends the token it uploads with to the index on the same host: reading
    must take no offence at it.
    """
    try:
        credential = _credential_in(request)
    except UnknownCredentialError:
        return None
    return await request.app[ACCESS].recognize(credential)


def _credential_in(request: web.Request) -> str | None:
    """Return the credential of a request: `Basic __token__:TOKEN`, `Bearer TOKEN`, `token TOKEN`.

    Nothing if there is none; raise for one of another kind.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
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
