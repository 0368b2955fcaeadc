"""Clients that send and read slowly or not at all: bare sockets with small buffers."""

import asyncio
import select
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from urllib.parse import urlsplit

_SMALL = 4096
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


@contextmanager
def connected(url: str, *, source: str = "") -> Iterator[socket.socket]:
    """Connect to a server with a small buffer for what is received, maybe from another address."""
    parts = urlsplit(url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        if source:
            client.bind((source, 0))
        client.connect((parts.hostname, parts.port))
        client.setblocking(False)  # noqa: FBT003 - its only parameter
        yield client


async def hung_up(clients: Collection[socket.socket], seconds: float) -> set[socket.socket]:
    """Return the clients whose server closes the connection within so many seconds.

    Nothing is read from them.
    """
    return await asyncio.to_thread(_hung_up, clients, seconds)


def _hung_up(clients: Collection[socket.socket], seconds: float) -> set[socket.socket]:
    waiting = {one.fileno(): one for one in clients}
    poller = select.poll()
    for number in waiting:
        poller.register(number, _GONE)
    gone: set[socket.socket] = set()
    end = monotonic() + seconds
    while waiting and (left := end - monotonic()) > 0:
        for number, _ in poller.poll(left * 1000):
            poller.unregister(number)
            gone.add(waiting.pop(number))
    return gone


async def drip(client: socket.socket, data: bytes, every: float) -> None:
    """Send byte after byte until the connection ends or everything is sent."""
    with suppress(ConnectionError):
        for byte in data:
            await asyncio.get_running_loop().sock_sendall(client, bytes([byte]))
            await asyncio.sleep(every)


async def sip(client: socket.socket, every: float, size: int = 1) -> int:
    """Read a few bytes again and again until the connection ends; return how many came."""
    count = 0
    with suppress(ConnectionError):
        while got := await asyncio.get_running_loop().sock_recv(client, size):
            count += len(got)
            await asyncio.sleep(every)
    return count
