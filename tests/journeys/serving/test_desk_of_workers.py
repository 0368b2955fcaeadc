"""The desk of a server with two workers: one session, and progress wherever it is read."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import promotion_settings
from tests.support.servers.processes import Server, ServerStart
from tests.support.uploads.fake_uploads import Lag

pytestmark = pytest.mark.journey

WHEEL, SDIST = a_wheel(version="2.0"), an_sdist(version="2.0")
CONNECTIONS = 12
"""So many that, but for one in two thousand times, both workers have some."""


async def sign_in(server: Server) -> str:
    """Sign in as the administrator, and return the cookie."""
    form = {"token": server.admin_token}
    async with (
        aiohttp.ClientSession(headers={"Origin": server.url}) as session,
        session.post(f"{server.url}/desk/sign-in", data=form, allow_redirects=False) as answer,
    ):
        return answer.headers["Set-Cookie"].partition(";")[0]


async def publish(server: Server, desk: str, cookie: str, form: dict[str, str]) -> None:
    """Send the form that publishes a stage."""
    async with (
        aiohttp.ClientSession(headers={"Cookie": cookie, "Origin": server.url}) as session,
        session.post(f"{desk}/publish", data=form, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()


@dataclass(slots=True)
class Watching:
    """Streams of progress; what is to be done once all have told of an accepted file."""

    awaited: int
    go_on: Callable[[], None]

    async def until_over(self, url: str, cookie: str) -> None:
        """Read a stream to its end, over a connection of its own."""
        is_seen = False
        async with (
            aiohttp.ClientSession(headers={"Cookie": cookie}) as session,
            session.get(url) as answer,
        ):
            async for line in answer.content:
                if not is_seen and b"accepted, not listed yet" in line:
                    is_seen = True
                    self._count()
                if line == b"event: over\n":
                    return
        raise AssertionError("The stream ended before the promotion was over.")

    def _count(self) -> None:
        self.awaited -= 1
        if not self.awaited:
            self.go_on()


async def fetch(url: str, cookie: str) -> str:
    """Return a page over a connection of its own."""
    async with (
        aiohttp.ClientSession(headers={"Cookie": cookie}) as session,
        session.get(url) as answer,
    ):
        return await answer.text()


async def test_any_worker(start_server: ServerStart, upstream: FakeIndex) -> None:
    """Every worker knows who is signed in, and tells how far the worker is that publishes."""
    publishing = promotion_settings(upstream)
    settings = {
        "UPSTREAM__URL": upstream.url,
        "SERVER__WORKERS": "2",
        **{f"PROMOTION__{name.upper()}": value for name, value in publishing.items()},
    }
    async with start_server(settings=settings) as server:
        staged, cookie = await server.stage(WHEEL, SDIST), await sign_in(server)
        desk = f"{server.url}/desk/stages/{staged.id}"
        page = await fetch(f"{desk}/publish", cookie)
        form = dict(re.findall(r'name="([\w-]+)" value="([^"]*)"', page))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            pages = [group.create_task(fetch(desk, cookie)) for _ in range(CONNECTIONS)]
        assert all("Signed in as" in one.result() for one in pages)

        # The index lists the wheel only when every stream has told of it.
        upstream.uploads.lags = {WHEEL.filename: Lag(pages=10**6)}
        await publish(server, desk, cookie, form)
        watching = Watching(CONNECTIONS, upstream.uploads.forget)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(watching.until_over(f"{desk}/progress", cookie))

        assert "This release is published" in await fetch(desk, cookie)
