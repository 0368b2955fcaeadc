"""Here is whether the server is alive, and whether it is ready."""

from http import HTTPStatus

from aiohttp import web

from stageproxy.web.keys import READINESS
from stageproxy.web.session_json import json_response


async def live(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Say whether requests can be served, and if not, why.

    What upstream answered last is told beside it: no other server does better
    while upstream is ill, so none should be asked instead of this one.
    """
    readiness = request.app[READINESS]
    problems = await readiness.problems()
    failure = readiness.upstream_failure()
    document = {
        "status": "not ready" if problems else "ok",
        "checks": {
            **{name: problems.get(name, "ok") for name in readiness.checks},
            "upstream": failure.sentence if failure else "ok",
        },
        "sqlite": readiness.sqlite,
    }
    return json_response(document, HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK)
