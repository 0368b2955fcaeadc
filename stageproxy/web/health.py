"""Here is whether the server is alive, and whether it is ready."""

from aiohttp import web

from stageproxy.web.keys import READINESS
from stageproxy.web.session_json import json_response


async def live(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Say whether requests can be served, and if not, why."""
    found = {name: await check() for name, check in request.app[READINESS].items()}
    is_ready = not any(found.values())
    document = {
        "status": "ok" if is_ready else "not ready",
        "checks": {name: wrong or "ok" for name, wrong in found.items()},
    }
    return json_response(document, 200 if is_ready else 503)
