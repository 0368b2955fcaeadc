"""Endpoints for operators: liveness, readiness and metrics."""

from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import METRICS_SOURCES, PROBES, READINESS


async def live(request: web.Request) -> web.Response:
    """Report that the process answers, and which one it is."""
    return json_response({"status": "ok", "instance": request.app[PROBES].instance})


async def ready(request: web.Request) -> web.Response:
    """Report whether requests can be served, and if not, why.

    The last failure of upstream and a jump of the clock are reported but do not count:
    a load balancer would find every other server in the same state.
    """
    readiness = request.app[READINESS]
    problems = await readiness.problems()
    failure = readiness.upstream_failure()
    document = {
        "status": "not ready" if problems else "ok",
        "checks": {
            **{name: problems.get(name, "ok") for name in readiness.checks},
            "upstream": failure.sentence if failure else "ok",
            "clock": readiness.clock_notice() or "ok",
        },
        **readiness.versions,
    }
    return json_response(document, HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK)


async def show_metrics(request: web.Request) -> web.Response:
    """Return the metrics, as OpenMetrics if the client wants it."""
    sources = request.app[METRICS_SOURCES]
    accept = request.headers.get(hdrs.ACCEPT, "")
    body, content_type = await sources.metrics.render(
        sources.catalogue, sources.cache_size(), accept
    )
    return web.Response(body=body, headers={"Content-Type": content_type})
