"""A server that sends any bytes and records its requests."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

MIB = 2**20
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")


@dataclass(slots=True)
class RawServer:
    """The next answers, and all requests so far.

    With *is_deaf* no request is read; *pause* is the time before each MiB.
    """

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    is_deaf: bool = False
    pause: float = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Read one request, answer it, and close the connection."""
        if self.is_deaf:
            await self.ended.wait()
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = LENGTH.search(head)
            body = await self._read(reader, int(found[1]) if found else 0)
            self.requests.append(head + body)
            writer.write(self.answers.pop(0) if self.answers else b"")
            await writer.drain()
        writer.close()

    async def _read(self, reader: StreamReader, length: int) -> bytes:
        pieces = []
        for start in range(0, length, MIB):
            await asyncio.sleep(self.pause)
            pieces.append(await reader.readexactly(min(MIB, length - start)))
        return b"".join(pieces)


@asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    """Serve on a free local port."""
    raw = RawServer()

    async with asyncio.TaskGroup() as group:

        def answer(reader: StreamReader, writer: StreamWriter) -> None:
            group.create_task(raw.answer(reader, writer))

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield raw
            raw.ended.set()
