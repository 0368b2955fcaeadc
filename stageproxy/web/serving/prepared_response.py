"""A prepared answer on its way to a client, as aiohttp's server sends responses."""

from collections.abc import Iterator

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from stageproxy.web.conditional import pieces_of
from stageproxy.web.serving.prepared import PreparedAnswer


class PreparedResponse(web.StreamResponse):
    """The response with a prepared answer: its bytes are written as they are."""

    def __init__(self, answer: PreparedAnswer) -> None:
        super().__init__(status=answer.status)
        self.log_path = answer.log_path
        self._answer = answer
        self._request: web.BaseRequest | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open: only such answers are prepared."""
        return True

    @property
    def body_length(self) -> int:
        """The bytes of the body."""
        return len(self._answer.body)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Begin to answer a request."""
        self._request = request
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the answer, as fast as the client reads it."""
        if self._request is None or data:
            raise AssertionError("a prepared answer is sent once, and as it is")
        for piece in _pieces_with_head(self._answer):
            transport = self._request.transport
            if transport is None or transport.is_closing():
                raise ConnectionResetError("The client has gone.")
            transport.write(piece)
            await self._request.writer.drain()


def _pieces_with_head(answer: PreparedAnswer) -> Iterator[bytes | memoryview]:
    """Return the bytes of an answer in pieces; the first has the head."""
    first, *others = pieces_of(answer.body)
    yield b"".join((answer.head(), first))
    yield from others
