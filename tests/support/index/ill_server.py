"""A server of recorded documents that can be ill in any way, byte by byte."""

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.index.content_faults import ContentFault, answer

_RESET = struct.pack("ii", 1, 0)
_GONE = b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A document: its bytes and its type. Its ETag is that of the whole document."""

    body: bytes
    content_type: str

    @property
    def etag(self) -> str:
        """The validator."""
        return f'"{len(self.body)}"'


Illness = Callable[["IllServer", StreamWriter, Recorded], Awaitable[None]]
"""What happens instead of an answer."""


@dataclass(slots=True)
class IllServer:
    """Serves *documents* by their path and whether HTML is wanted; *ill* are paths."""

    documents: Mapping[tuple[str, bool], Recorded]
    url: str = ""
    ill: dict[str, Illness] = field(default_factory=dict)
    healed: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer one request, and close the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ", 2)[1].partition("?")[0]
            wants_html = "accept: text/html" in head.lower()
            found = self.documents.get((path, wants_html)) or self.documents.get((path, False))
            if found is None:
                writer.write(_GONE)
            elif path in self.ill:
                await self.ill[path](self, writer, found)
            else:
                writer.write(_answer(found, head))
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def being_ill(self, path: str, illness: Illness) -> AsyncIterator[None]:
        """Be ill on one path during the block."""
        self.healed.clear()
        self.ill[path] = illness
        yield
        del self.ill[path]
        self.healed.set()


def _answer(found: Recorded, head: str) -> bytes:
    if f"if-none-match: {found.etag}".lower() in head.lower():
        return (
            f"HTTP/1.1 304 Not Modified\r\nETag: {found.etag}\r\nConnection: close\r\n\r\n".encode()
        )
    return answer(found.body, found.content_type, f"ETag: {found.etag}")


def content(fault: ContentFault, *, is_cut: bool) -> Illness:
    """Return the illness of an answer with a fault. One that *is_cut* has the whole one's ETag."""

    async def send(_: IllServer, writer: StreamWriter, found: Recorded) -> None:
        raw = fault(found.body, found.content_type)
        if is_cut:
            raw = raw.replace(b"\r\n", f"\r\nETag: {found.etag}\r\n".encode(), 1)
        writer.write(raw)

    return send


async def _drop(_: IllServer, writer: StreamWriter, _found: Recorded) -> None:
    writer.close()


async def _reset(_: IllServer, writer: StreamWriter, _found: Recorded) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _be_silent(server: IllServer, _writer: StreamWriter, _found: Recorded) -> None:
    await server.healed.wait()


def _sent_then(end: Illness, part: Callable[[bytes], bytes]) -> Illness:
    """Return the illness of an answer of which only a part is sent."""

    async def send(server: IllServer, writer: StreamWriter, found: Recorded) -> None:
        writer.write(part(_answer(found, "")))
        await writer.drain()
        await end(server, writer, found)

    return send


def _headers(whole: bytes) -> bytes:
    return whole[: whole.index(b"\r\n\r\n") - 3]


def _half(whole: bytes) -> bytes:
    return whole[: -len(whole) // 2]


TRANSPORT_FAULTS: Mapping[str, Illness] = {
    "dropped": _drop,
    "reset": _reset,
    "silent": _be_silent,
    "dropped in the headers": _sent_then(_drop, _headers),
    "silent in the headers": _sent_then(_be_silent, _headers),
    "dropped in the body": _sent_then(_drop, _half),
    "reset in the body": _sent_then(_reset, _half),
    "silent in the body": _sent_then(_be_silent, _half),
}
"""Faults of the connection."""


@asynccontextmanager
async def ill_server(documents: Mapping[tuple[str, bool], Recorded]) -> AsyncIterator[IllServer]:
    """Serve on a free local port."""
    server = IllServer(documents)
    async with asyncio.TaskGroup() as group:

        def serve(reader: StreamReader, writer: StreamWriter) -> None:
            group.create_task(server.answer(reader, writer))

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with listening:
            yield server
            server.healed.set()
