"""A server that says whatever bytes it is told to, and keeps those that it gets."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


@dataclass(slots=True)
class RawServer:
    """What is answered next, and all requests so far; with *is_deaf* it reads none of them."""

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    is_deaf: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Read one request, answer it, and hang up."""
        if self.is_deaf:
            await self.ended.wait()
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = LENGTH.search(head)
            body = await reader.readexactly(int(found[1]) if found else 0)
            self.requests.append(head + body)
            writer.write(self.answers.pop(0) if self.answers else b"")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    """Serve on a free port of this machine."""
    raw = RawServer()
    server = await asyncio.start_server(raw.answer, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield raw
        raw.ended.set()
        await asyncio.sleep(0.01)
