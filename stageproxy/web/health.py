"""What operators ask of a server: whether it is alive, whether it is ready, and its metrics."""

from http import HTTPStatus

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from stageproxy.web.keys import METRICS_SOURCES, READINESS
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
        **readiness.versions,
    }
    return json_response(document, HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK)


async def show_metrics(request: web.Request) -> web.Response:
    """Return the metrics in Prometheus' text format."""
    sources = request.app[METRICS_SOURCES]
    body = await sources.metrics.render(sources.catalogue, sources.cache_size())
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
