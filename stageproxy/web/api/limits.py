"""The limits of the server, of the asking API token and of a project, and how much is used."""

from typing import Any

from aiohttp import web

from stageproxy.services.limits import Use
from stageproxy.web.access.auth import authenticate
from stageproxy.web.bodies import project_of
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import LIMITS


async def show_limits(request: web.Request) -> web.Response:
    """Return the limits of the server and of the token, and how much is used of each."""
    token = await authenticate(request)
    return _response(await request.app[LIMITS].of_token(token))


async def show_project_limits(request: web.Request) -> web.Response:
    """Return the limits of a project, and how much is used of each."""
    token = await authenticate(request)
    return _response(await request.app[LIMITS].of_project(token, project_of(request)))


def _response(uses: list[Use]) -> web.Response:
    return json_response({"limits": [_json(one) for one in uses]})


def _json(use: Use) -> dict[str, Any]:
    return {
        "setting": use.setting,
        "of": use.of,
        "limit": use.limit or None,
        "used": use.used,
        "near": use.is_near,
    }
