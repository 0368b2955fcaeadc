"""A prepared answer on its way to a client, as aiohttp's server sends responses."""

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO, Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from stageproxy.web.conditional import pieces_of
from stageproxy.web.serving.prepared import FileBody, PreparedAnswer

_FILE_PIECE = 2**18


class PreparedResponse(web.StreamResponse):
    """The response with a prepared answer: its bytes are written as they are.

    *file*: its body, if that is a file.
    """

    def __init__(self, answer: PreparedAnswer, file: BinaryIO | None) -> None:
        super().__init__(status=answer.status)
        self.log_path = answer.log_path
        self._answer = answer
        self._file = file
        self._sent = 0
        self._request: web.BaseRequest | None = None

    @classmethod
    def to(cls, answer: PreparedAnswer) -> Self | None:
        """Return the response, or `None` if the file that is its body has changed."""
        if not isinstance(answer.body, FileBody):
            return cls(answer, None)
        file = answer.body.open()
        return cls(answer, file) if file is not None else None

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
        if self._file is None:
            await self._send_pieces(self._request)
            return
        with self._file as file:
            await self._send_file(self._request, file)

    async def _send_pieces(self, request: web.BaseRequest) -> None:
        body = self._answer.body
        first, *others = pieces_of(body if isinstance(body, bytes) else b"")
        await self._write(request, b"".join((self._answer.head(), first)))
        for piece in others:
            await self._write(request, piece)

    async def _send_file(self, request: web.BaseRequest, file: BinaryIO) -> None:
        await self._write(request, self._answer.head())
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("The client has gone.")
        loop = asyncio.get_running_loop()
        try:
            self._sent += await loop.sendfile(
                transport, file, 0, self._answer.body_length, fallback=False
            )
        except (NotImplementedError, asyncio.SendfileNotAvailableError):
            # Not every event loop, and not every file system, has it.
            async for piece in _pieces_of(file):
                await self._write(request, piece)

    async def _write(self, request: web.BaseRequest, piece: bytes | memoryview) -> None:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("The client has gone.")
        transport.write(piece)
        self._sent += len(piece)
        await request.writer.drain()


async def _pieces_of(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _FILE_PIECE):
        yield piece
