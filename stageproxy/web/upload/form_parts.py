"""The parts of a form, read from a request one after the other."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from stageproxy.core.errors import InvalidRequestError
from stageproxy.web.upload.form_scanner import Event, FormScanner, PartHead, boundary_in

_SMALL = 2**14
_BROKEN = (ValueError, RuntimeError, HttpProcessingError)


class FormParts:
    """The parts of the form in the body of a *request*."""

    def __init__(self, request: web.Request) -> None:
        with _form_errors():
            if request.content_type != "multipart/form-data":
                raise ValueError(request.content_type)
            self._scanner = FormScanner(boundary_in(request.headers["Content-Type"]))
        self._body = request.content
        self._events: Iterator[Event] = iter(())

    async def heads(self) -> AsyncIterator[PartHead]:
        """Return the head of each part. What was not read of the one before is skipped.

        The body is read to its end: what follows the form is ignored.
        """
        while (event := await self._next_event()) is not None:
            if isinstance(event, PartHead):
                yield event

    async def content(self) -> AsyncIterator[memoryview]:
        """Return the content of the part whose head came last, in pieces."""
        while isinstance(event := await self._next_event(), memoryview):
            yield event

    async def _next_event(self) -> Event | None:
        with _form_errors():
            while (event := next(self._events, None)) is None:
                piece = await self._next_piece()
                if not piece:
                    self._scanner.close()
                    return None
                self._events = self._scanner.feed(piece)
            return event

    async def _next_piece(self) -> bytes:
        """Return what the socket brought, as it is; only small pieces are joined."""
        piece = b""
        while not piece and not self._body.at_eof():
            piece, _ = await self._body.readchunk()
        return piece if len(piece) >= _SMALL else piece + self._body.read_nowait()


@contextmanager
def _form_errors() -> Iterator[None]:
    """Report a form that cannot be read."""
    try:
        yield
    except _BROKEN as error:
        raise InvalidRequestError("Invalid Form Data.") from error
