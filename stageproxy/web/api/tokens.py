"""API tokens over /api/."""

from typing import Literal

from aiohttp import web

from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.stage.listing import rfc3339
from stageproxy.services.tokens import TokenRequest
from stageproxy.web.auth import authenticate
from stageproxy.web.bodies import Body, Duration, ProjectNameOrEvery, VersionText, read_body
from stageproxy.web.keys import TOKENS
from stageproxy.web.session_json import json_response

KINDS = {"upload": TokenKind.UPLOAD, "manage": TokenKind.MANAGE, "admin": TokenKind.ADMIN}
_CAN = {kind: name for name, kind in KINDS.items()}


class MakeToken(Body):
    """Make an API token."""

    project: ProjectNameOrEvery
    can: Literal["upload", "manage", "admin"]
    version: VersionText | None = None
    expires: Duration | None = None


async def make_token(request: web.Request) -> web.Response:
    """Make an API token, and show it this once."""
    token = await authenticate(request)
    body = await read_body(request, MakeToken)
    order = TokenRequest(KINDS[body.can], body.project, body.version, body.expires)
    made, kept = await request.app[TOKENS].make(token, order)
    return json_response({"token": made.reveal(), **token_json(kept)}, 201)


async def list_tokens(request: web.Request) -> web.Response:
    """Return what is known of all API tokens, which does not open anything."""
    token = await authenticate(request)
    tokens = await request.app[TOKENS].list(token)
    return json_response({"tokens": [token_json(one) for one in tokens]})


async def revoke_token(request: web.Request) -> web.Response:
    """Make an API token useless."""
    token = await authenticate(request)
    revoked = await request.app[TOKENS].revoke(token, request.match_info["id"])
    return json_response(token_json(revoked))


def token_json(token: ApiToken) -> dict[str, str | None]:
    """Return what may be told of an API token."""
    return {
        "id": token.id,
        "project": token.project,
        "version": token.version,
        "can": _CAN[token.kind],
        "created-at": rfc3339(token.created_at),
        "expires-at": rfc3339(token.expires_at) if token.expires_at else None,
        "revoked-at": rfc3339(token.revoked_at) if token.revoked_at else None,
    }
