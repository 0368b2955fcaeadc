"""The HTTP server below the application: deadlines and internal errors."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest
from aiohttp import web

from stageproxy.core.errors import UpstreamSlowError
from stageproxy.web.guard import guard
from stageproxy.web.keys import METRICS
from stageproxy.web.metrics import Metrics
from stageproxy.web.serving.runner import runner_for
from tests.support.clients.wire import a_request, exchange, status_of
from tests.support.servers.runner import running

DEADLINE = 0.2


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve *app* with a short deadline, and return its URL."""
    async with running(runner_for(app, header_deadline=DEADLINE)) as url:
        yield url


async def answer_slowly(_request: web.Request) -> web.Response:
    """Answer after more than the deadline."""
    await asyncio.sleep(2 * DEADLINE)
    return web.Response(text="done")


async def measure_body(request: web.Request) -> web.Response:
    """Answer with the length of the body."""
    return web.Response(text=str(len(await request.read())))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Return the URL of a server with two handlers."""
    app = web.Application()
    app.add_routes([web.get("/slow", answer_slowly), web.post("/take", measure_body)])
    async with served(app) as running:
        yield running


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX"])
async def test_head_must_come_in_time(url: str, start: bytes) -> None:
    """A connection without a complete head by the deadline is closed, without an answer."""
    began = monotonic()

    answer = await exchange(url, start)

    assert answer == b""
    assert monotonic() - began > DEADLINE * 0.9


async def test_dripping_does_not_help(url: str) -> None:
    """Single bytes do not hold a connection open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\n")
    while not (writer.is_closing() or reader.at_eof()):
        writer.write(b"X")
        await asyncio.sleep(DEADLINE / 4)

    # A byte that comes too late is answered with a reset.
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_handlers_may_take_longer(url: str) -> None:
    """The deadline is for the head alone: an answer may take longer."""
    answer = await exchange(url, a_request("/slow"))

    assert status_of(answer) == 200


async def test_bodies_may_take_longer(url: str) -> None:
    """The deadline is for the head alone: a body may take longer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(a_request("/take", "POST", "1.1", "Content-Length: 6"))
    for _ in range(3):
        await asyncio.sleep(DEADLINE / 2)
        writer.write(b"ab")

    answer = await reader.read()

    assert answer.endswith(b"\r\n\r\n6")
    writer.close()


async def test_second_head_must_come_in_time(url: str) -> None:
    """The next head on the same connection has a deadline too."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"404: Not Found")
    writer.write(b"GET / HTTP/1.1\r\n")

    assert await reader.read() == b""
    writer.close()


async def test_internal_error_is_not_disclosed(caplog: pytest.LogCaptureFixture) -> None:
    """An internal error below the application is answered with a fixed text."""
    caplog.set_level(logging.DEBUG)

    async def fail(_request: web.Request) -> web.Response:
        raise ValueError("secret-42")

    app = web.Application()
    app.add_routes([web.get("/", fail)])

    async with served(app) as url:
        answer = await exchange(url, a_request("/"))

    assert status_of(answer) == 500
    assert b"secret-42" not in answer
    assert "ValueError" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [RuntimeError("a bug"), UpstreamSlowError("too slow"), web.HTTPNotFound()],
    ids=["a bug", "a failure", "an answer of the router"],
)
async def test_no_second_answer_within_the_first(fault: Exception) -> None:
    """An error during an answer closes the connection, without a second answer."""

    async def break_off(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"half")
        raise fault

    app = web.Application(middlewares=[guard])
    app[METRICS] = Metrics()
    app.router.add_get("/", break_off)
    async with served(app) as running:
        received = await exchange(running, a_request("/"))

    assert received.count(b"HTTP/1.1") == 1
    assert received.endswith(b"\r\n\r\nhalf")
