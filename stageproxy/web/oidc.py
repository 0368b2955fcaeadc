"""Trusted publishing into stages, at the root of the host, with PyPI's answers."""

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from stageproxy.core.errors import IdentityError, IssuerUnavailableError
from stageproxy.web.bodies import Body, read_body
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import EXCHANGE

_LONGEST = 2**14


class IdentityBody(Body):
    """The identity of a CI job, or a token that was minted for one."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST)]


async def show_audience(request: web.Request) -> web.Response:
    """Return what an identity has to be made for."""
    return json_response({"audience": request.app[EXCHANGE].audience})


async def mint_token(request: web.Request) -> web.Response:
    """Mint an upload token for the job of a trusted publisher, in exchange for its identity."""
    body = await read_body(request, IdentityBody)
    try:
        token, minted = await request.app[EXCHANGE].mint(body.token)
    except IdentityError as error:
        return _refused(error.code, error.sentence, HTTPStatus.UNPROCESSABLE_ENTITY)
    except IssuerUnavailableError as error:
        return _refused("issuer-unavailable", error.sentence, HTTPStatus.SERVICE_UNAVAILABLE)
    expires = minted.expires_at.timestamp() if minted.expires_at else 0
    return json_response({"success": True, "token": token.reveal(), "expires": int(expires)})


async def burn_token(request: web.Request) -> web.Response:
    """Revoke a minted token. The answer is the same whatever it is."""
    body = await read_body(request, IdentityBody)
    await request.app[EXCHANGE].burn(body.token)
    return json_response({"message": "The token is not valid any more."}, HTTPStatus.ACCEPTED)


def _refused(code: str, sentence: str, status: HTTPStatus) -> web.Response:
    """Return a refusal in PyPI's shape, which clients print."""
    errors = [{"code": code, "description": sentence}]
    return json_response({"message": "Token request failed", "errors": errors}, status)
