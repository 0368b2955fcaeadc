"""Sweeps over /api/: what the server does every hour, now."""

from aiohttp import web
from pydantic import Field

from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import Body, read_body
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.documents.sweep_json import sweep_json
from stageproxy.web.keys import EXPIRY


class OrderSweep(Body):
    """A sweep, or with `dry-run` only what it would do."""

    dry_run: bool = Field(default=False, alias="dry-run")


async def sweep(request: web.Request) -> web.Response:
    """End expired stages, forget old ones, and delete files that nothing needs."""
    token = await authenticate(request)
    body = await read_body(request, OrderSweep)
    plan = await request.app[EXPIRY].sweep_for(token, dry_run=body.dry_run)
    return json_response(sweep_json(plan, dry_run=body.dry_run))
