"""nginx in front of several servers, with the documented configuration."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from tests.support.servers.nginx import Certificates, free_port, running_nginx
from tests.support.servers.processes import ROOT

pytestmark = pytest.mark.journey

SEVERAL = ROOT / "deploy" / "several" / "nginx.conf"
SESSION = "/upload/2.0/sessions/one/files"


class Answers:
    """Two servers that answer with their names, behind nginx."""

    def __init__(self, url: str, session: ClientSession, servers: dict[str, TestServer]) -> None:
        self.servers = servers
        self._url = url
        self._session = session

    async def to(self, path: str, count: int = 40) -> Counter[str]:
        """Return how many of so many requests each server has answered."""
        return Counter(await asyncio.gather(*(self._ask(path) for _ in range(count))))

    async def _ask(self, path: str) -> str:
        async with self._session.get(self._url + path) as answer:
            answer.raise_for_status()
            return await answer.text()


@pytest.fixture
async def answers(tmp_path: Path, certificates: Certificates) -> AsyncIterator[Answers]:
    """Return what clients of nginx get, which has the configuration of several servers."""
    port = free_port()
    async with AsyncExitStack() as stack:
        servers = {name: _named(name) for name in ("server-1", "server-2")}
        for one in servers.values():
            await one.start_server()
            stack.push_async_callback(one.close)
        behind = {f"{name}:8726": f"127.0.0.1:{one.port}" for name, one in servers.items()}
        await stack.enter_async_context(
            running_nginx(tmp_path, port, "", certificates, behind, configuration=SEVERAL)
        )
        connector = TCPConnector(ssl=certificates.tls_context())
        session = await stack.enter_async_context(ClientSession(connector=connector))
        yield Answers(f"https://localhost:{port}", session, servers)


def _named(name: str) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=name)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return TestServer(app)


async def test_requests_are_spread_and_sessions_are_not(answers: Answers) -> None:
    """All servers answer, and the requests of an upload session go to one of them."""
    pages = await answers.to("/simple/")
    session = await answers.to(SESSION)

    assert set(pages) == set(answers.servers)
    assert list(session.values()) == [40]


async def test_requests_of_a_server_that_is_gone(answers: Answers) -> None:
    """While a server is gone, another one answers all requests, those of its sessions too."""
    ((gone, _),) = (await answers.to(SESSION)).items()
    await answers.servers[gone].close()

    pages, session = await answers.to("/simple/"), await answers.to(SESSION)

    assert pages.keys() == session.keys() == answers.servers.keys() - {gone}
    assert pages.total() == session.total() == 40
