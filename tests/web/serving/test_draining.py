"""The last requests of a server that another one takes the place of."""

import asyncio
import socket
from collections.abc import Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from stageproxy.web.serving.accepting import accepting
from stageproxy.web.serving.runner import Runner, runner_for

GET = b"GET / HTTP/1.1\r\nHost: stage.example\r\n\r\n"


async def started_runner() -> Runner:
    """Return the runner of an application that answers `GET /`."""
    app = web.Application()
    app.router.add_get("/", _answer)
    runner = runner_for(app)
    await runner.setup()
    return runner


async def _answer(_: web.Request) -> web.Response:
    return web.Response(text="here")


def bound() -> socket.socket:
    """Return a socket on a free port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


async def answer_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the head and the body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(4)


async def test_next_request_of_an_idle_connection() -> None:
    """A client that kept its connection is answered while the server drains, for the last time."""
    runner, listener = await started_runner(), bound()
    async with accepting(listener, runner.make_protocol):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(GET)
        first, _ = await answer_of(reader)
    async with asyncio.TaskGroup() as group:
        group.create_task(runner.drain())
        await asyncio.sleep(0)
        writer.write(GET)
        last, body = await answer_of(reader)
        rest = await reader.read()
        writer.close()
    await runner.cleanup()

    assert b"Connection: close" not in first
    assert b"Connection: close" in last
    assert (body, rest) == (b"here", b"")


class Connecting:
    """Makes protocols, and does something at the first one."""

    def __init__(self, make: Callable[[], RequestHandler], then: Callable[[], object]) -> None:
        self._make = make
        self._then = then

    def __call__(self) -> RequestHandler:
        """Return a protocol."""
        self._then()
        return self._make()


async def test_accepted_connections_are_served() -> None:
    """A connection that was accepted just before a server stops accepting is served."""
    runner, listener = await started_runner(), bound()
    is_connecting = asyncio.Event()
    make = Connecting(runner.make_protocol, is_connecting.set)
    async with accepting(listener, make):
        client = socket.create_connection(listener.getsockname())
        await is_connecting.wait()
    reader, writer = await asyncio.open_connection(sock=client)
    writer.write(GET)
    _, body = await answer_of(reader)
    writer.close()
    await runner.cleanup()

    assert body == b"here"


async def test_two_on_one_socket() -> None:
    """A connection that waits on a socket is accepted by whoever listens on it next."""
    runner, listener = await started_runner(), bound()
    kept = listener.dup()
    async with accepting(listener, runner.make_protocol):
        pass
    reader, writer = await asyncio.open_connection(*kept.getsockname())
    writer.write(GET)
    async with accepting(kept, runner.make_protocol):
        _, body = await answer_of(reader)
    writer.close()
    await runner.cleanup()

    assert body == b"here"
