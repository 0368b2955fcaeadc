"""Probes over /api/, by which `doctor` sees what a proxy does to requests."""

from aiohttp import hdrs, web

from stageproxy.services.probes import Probes
from stageproxy.web.access.auth import authenticate
from stageproxy.web.documents.session_json import json_response
from stageproxy.web.keys import PROBES

_LONGEST_ID = 32


async def show_probes(request: web.Request) -> web.Response:
    """Return which server answers, from which address it is asked, and which probes arrive."""
    return await _answer(request, await _probes(request), 0)


async def receive_probe(request: web.Request) -> web.Response:
    """Read a body to its end, and return how many bytes it has."""
    probes, probe_id = await _probes(request), request.match_info["id"][:_LONGEST_ID]
    count = 0
    with probes.arriving(probe_id):
        async for chunk in request.content.iter_any():
            count += len(chunk)
    return await _answer(request, probes, count)


async def _probes(request: web.Request) -> Probes:
    probes = request.app[PROBES]
    probes.check(await authenticate(request))
    return probes


async def _answer(request: web.Request, probes: Probes, count: int) -> web.Response:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return json_response(
        {
            "instance": probes.instance,
            "client": request.remote,
            "peer": peer[0] if peer else None,
            "is-forwarded": hdrs.X_FORWARDED_FOR in request.headers,
            "receiving": sorted(probes.receiving),
            "bytes": count,
        }
    )
