"""API tokens over /api/."""

from aiohttp import web

from stageproxy.core.rights import ApiToken, redacted
from stageproxy.core.stage.listing import rfc3339
from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import read_body
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.documents.token_orders import CAN, MakeToken
from stageproxy.web.keys import TOKENS


async def make_token(request: web.Request) -> web.Response:
    """Make an API token. It is shown only in this response."""
    token = await authenticate(request)
    body = await read_body(request, MakeToken)
    made, stored = await request.app[TOKENS].make(token, body.order)
    return json_response({"token": made.reveal(), **token_json(stored)}, 201)


async def list_tokens(request: web.Request) -> web.Response:
    """List all API tokens, without their secrets."""
    token = await authenticate(request)
    tokens = await request.app[TOKENS].list(token)
    return json_response({"tokens": [token_json(one) for one in tokens]})


async def revoke_token(request: web.Request) -> web.Response:
    """Revoke an API token."""
    token = await authenticate(request)
    revoked = await request.app[TOKENS].revoke(token, request.match_info["id"])
    return json_response(token_json(revoked))


def token_json(token: ApiToken) -> dict[str, str | None]:
    """Return an API token as JSON, without its secret."""
    return {
        "id": token.id,
        "name": redacted(token.name) or None,
        "project": token.project,
        "version": token.version,
        "can": CAN[token.kind],
        "created-at": rfc3339(token.created_at),
        "expires-at": rfc3339(token.expires_at) if token.expires_at else None,
        "revoked-at": rfc3339(token.revoked_at) if token.revoked_at else None,
    }
