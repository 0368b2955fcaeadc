"""Control of a fake index in another process: JSON over HTTP."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.support.index.fake_index import FakeIndex
from tests.support.uploads.fake_uploads import Lag
from tests.support.uploads.faults import Fault

INDEX = web.AppKey("index", FakeIndex)
CONTROL = "/_control"


async def set_faults(request: web.Request) -> web.Response:
    """Replace the planned faults: a list of `Fault`s."""
    index = request.app[INDEX]
    index.uploads.faults = [Fault.of(one) for one in await request.json()]
    return _json({})


async def set_uploads(request: web.Request) -> web.Response:
    """Change settings: `lag`, `lags`, `tokens`, `burned`, `processing`, `is_registered`."""
    uploads = request.app[INDEX].uploads
    settings = await request.json()
    uploads.processing = settings.get("processing", uploads.processing)
    uploads.tokens = set(settings.get("tokens", uploads.tokens))
    uploads.burned = set(settings.get("burned", uploads.burned))
    uploads.trusted.is_registered = settings.get("is_registered", uploads.trusted.is_registered)
    if "lag" in settings:
        uploads.lag = Lag(**settings["lag"])
    if "lags" in settings:
        uploads.lags = {name: Lag(**lag) for name, lag in settings["lags"].items()}
    return _json({})


async def go_away(request: web.Request) -> web.Response:
    """Refuse connections for some `seconds` after this answer."""
    seconds = (await request.json())["seconds"]
    index = request.app[INDEX]
    response = web.Response(headers={"Connection": "close"})
    await response.prepare(request)
    await response.write_eof()
    # The client has disconnected, which ends nothing.
    await asyncio.shield(_stay_away(index, seconds))
    return response


async def show_history(request: web.Request) -> web.Response:
    """Return every upload and every view of the pages."""
    return _json(request.app[INDEX].uploads.history.as_json())


async def forget_history(request: web.Request) -> web.Response:
    """Start with an empty index and the same settings."""
    index = request.app[INDEX]
    index.projects.by_name.clear()
    index.uploads.forget()
    return _json({})


CONTROL_ROUTES = [
    web.post(f"{CONTROL}/faults", set_faults),
    web.post(f"{CONTROL}/uploads", set_uploads),
    web.post(f"{CONTROL}/away", go_away),
    web.get(f"{CONTROL}/history", show_history),
    web.delete(f"{CONTROL}/history", forget_history),
]


def controlled(index: FakeIndex) -> web.Application:
    """Return the application of an index with the URLs of its control."""
    app = index.make_app()
    app[INDEX] = index
    app.add_routes(CONTROL_ROUTES)
    return app


async def _stay_away(index: FakeIndex, seconds: float) -> None:
    async with index.away():
        await asyncio.sleep(seconds)


def _json(document: Mapping[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(document).encode(), content_type="application/json")
