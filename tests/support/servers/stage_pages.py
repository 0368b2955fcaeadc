"""Stage pages of built facts on a local port, with the assets that they need."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from stageproxy.caching import LoadingCache
from stageproxy.services.stage_urls import StageUrls
from stageproxy.web.answers.headers import add_standard_headers
from stageproxy.web.assets import show_asset
from stageproxy.web.keys import GZIPPED, URLS
from stageproxy.web.pages import page_response
from stageproxy.web.preview.views.page import Facts, page_values


@asynccontextmanager
async def running_pages(facts: Mapping[str, Facts]) -> AsyncIterator[str]:
    """Serve a stage page for each name in *facts*, at the URL that this returns and the name.

    What a name stands for can be replaced while this runs.
    """

    async def show(request: web.Request) -> web.Response:
        shown = facts[request.match_info["name"]]
        return await page_response(
            request, "preview/pages/stage.html", controls=None, **page_values(shown)
        )

    app = web.Application()
    app.add_routes([web.get("/assets/{name}", show_asset), web.get("/tmp/{name}", show)])
    app.on_response_prepare.append(add_standard_headers)
    packed: LoadingCache[str, bytes] = LoadingCache(10**7, len)
    app[GZIPPED] = packed
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app[URLS] = StageUrls(url, b"")
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            yield f"{url}/tmp/"
        finally:
            await runner.cleanup()
