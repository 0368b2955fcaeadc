"""Servers that answer before they have read a request: its connection is closed at once."""

import asyncio
import socket
from asyncio import TaskGroup
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from threading import Event

import pytest
from aiohttp import ClientSession
from yarl import URL

from stageproxy.cli.client import open_client
from stageproxy.upstream.session import open_session
from tests.upstream.test_session import PATIENCE

SIZE = 2**24
"""More than fits into the buffers of the system: some of it is always left to be sent."""
_SECONDS = 30


async def large() -> AsyncIterator[bytes]:
    """Return a body in one piece."""
    yield bytes(SIZE)


@dataclass(slots=True)
class RefusingServer:
    """A server that refuses a request when its first bytes arrive."""

    listening: socket.socket
    may_read_on: Event = field(default_factory=Event)
    received: int = 0

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def refuse(self) -> None:
        """Answer one request; read the rest of it only later."""
        connection, _ = self.listening.accept()
        with connection, suppress(ConnectionResetError):
            connection.settimeout(_SECONDS)
            self.received = len(connection.recv(2**10))
            connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nNo")
            self.may_read_on.wait(_SECONDS)
            while chunk := connection.recv(2**16):
                self.received += len(chunk)


@pytest.fixture
def server() -> Iterator[RefusingServer]:
    """Return a server for one request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(_SECONDS)
        yield RefusingServer(listening)


def publishing() -> AbstractAsyncContextManager[ClientSession]:
    """Open a session that publishes, as the server and `promote --here` do."""
    return open_session(PATIENCE, keep_alive=False)


@asynccontextmanager
async def command() -> AsyncIterator[ClientSession]:
    """Open the session of a command."""
    async with open_client(URL("http://127.0.0.1"), None) as client:
        yield client.session


@pytest.mark.parametrize("opened", [publishing, command])
async def test_rest_is_given_up(
    server: RefusingServer, opened: Callable[[], AbstractAsyncContextManager[ClientSession]]
) -> None:
    """The rest of a refused body is not sent after the session, and leaves no socket open."""
    async with TaskGroup() as group:
        group.create_task(asyncio.to_thread(server.refuse))
        async with opened() as session, session.post(server.url, data=large()) as response:
            status, text = response.status, await response.text()
        server.may_read_on.set()

    assert (status, text) == (401, "No")
    assert server.received < SIZE
