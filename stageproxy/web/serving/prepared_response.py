"""A prepared answer on its way to a client, as aiohttp's server sends responses."""

import asyncio
from typing import BinaryIO, Self, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from stageproxy.web.answers.conditional import pieces_of
from stageproxy.web.serving.memory_files import MemoryFile
from stageproxy.web.serving.prepared import PreparedAnswer
from stageproxy.web.serving.prepared_bodies import FileBody, LargeBody

_FILE_PIECE = 2**18


class PreparedResponse(web.StreamResponse):
    """The response with a prepared answer: its bytes are written as they are."""

    def __init__(self, answer: PreparedAnswer, body: bytes | LargeBody | BinaryIO) -> None:
        super().__init__(status=answer.status)
        self.log_path = answer.log_path
        self._head = answer.head()
        self._prepared = body
        self._length = answer.body.length if isinstance(answer.body, FileBody) else 0
        self._sent = 0
        self._request: web.BaseRequest | None = None

    @classmethod
    async def to(cls, answer: PreparedAnswer) -> Self | None:
        """Return the response, or `None` if the file that is its body has changed."""
        body = answer.body
        if not isinstance(body, FileBody):
            return cls(answer, body)
        opened = await body.open()
        return cls(answer, opened) if opened is not None else None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open: only such answers are prepared."""
        return True

    @property
    def body_length(self) -> int:
        """The bytes sent, with the headers, as of aiohttp's own responses."""
        return self._sent

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Begin to answer a request."""
        self._request = request
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the answer, as fast as the client reads it."""
        if self._request is None or data:
            raise AssertionError("a prepared answer is sent once, and as it is")
        body = self._prepared
        if isinstance(body, bytes):
            await self._write(self._request, self._head + body)
        elif isinstance(body, LargeBody):
            await self._send_large(self._request, body)
        else:
            with body:
                await self._send_opened(self._request, body)

    async def _send_large(self, request: web.BaseRequest, body: LargeBody) -> None:
        file = await body.open()
        await self._write(request, self._head)
        if file is None or not await self._send_file(request, file, len(body.content)):
            for piece in pieces_of(body.content):
                await self._write(request, piece)

    async def _send_opened(self, request: web.BaseRequest, file: BinaryIO) -> None:
        """Send a file with the length in the headers, whatever happens to it meanwhile."""
        await self._write(request, self._head)
        left = self._length
        if not await self._send_file(request, file, left):
            while piece := await asyncio.to_thread(file.read, min(left, _FILE_PIECE)):
                await self._write(request, piece)
                left -= len(piece)
        if self._sent < len(self._head) + self._length:
            # The client would take the next answer for the rest of this one.
            raise ConnectionResetError("The file has become shorter.")

    async def _send_file(
        self, request: web.BaseRequest, file: BinaryIO | MemoryFile, size: int
    ) -> bool:
        """Have the system send a file. Return whether it can, on this event loop."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("The client has gone.")
        loop = asyncio.get_running_loop()
        try:
            sent = loop.sendfile(transport, cast("BinaryIO", file), 0, size, fallback=False)
            self._sent += await sent
        except (NotImplementedError, asyncio.SendfileNotAvailableError):
            return False
        return True

    async def _write(self, request: web.BaseRequest, piece: bytes | memoryview) -> None:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("The client has gone.")
        transport.write(piece)
        self._sent += len(piece)
        await request.writer.drain()
