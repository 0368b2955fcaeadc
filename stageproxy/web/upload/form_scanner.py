"""A scanner of forms (multipart/form-data, RFC 7578), fed with a body in pieces as they arrive.

It searches for the boundary and copies nothing of a part's content but the few bytes
at the end of a piece with which a boundary may begin. It reads no socket and no file.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from aiohttp import content_disposition_filename, hdrs, parse_content_disposition
from aiohttp.helpers import parse_mimetype
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import HeadersParser

LONGEST_HEADER = 32_760
MOST_HEADERS = 128
MOST_IGNORED = 8 * 2**20
"""The bytes before the first boundary, or after the last one."""
_COST_OF_LINE = 512
"""How many bytes a line before the first boundary counts beside its own: reading it takes time."""

_LONGEST_BOUNDARY = 70
_LONGEST_LINE = 2 * 2**20
_CHARSET = "_charset_"


class FormError(ValueError):
    """The body is not a form."""


@dataclass(frozen=True, slots=True)
class PartHead:
    """The beginning of a part. A part with a filename is a file.

    *headers*: their names are case-insensitive. *is_form*: whether the part is a form itself.
    """

    headers: Mapping[str, str]
    name: str
    filename: str | None
    is_form: bool


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The end of a part."""


Event = PartHead | memoryview | PartEnd
"""What is found in a form: for each part its head, its content in pieces, and its end."""

_Scan = Generator[Event, None, int]
"""Finds events in a piece, and returns the position after them."""


class _State(Enum):
    PREAMBLE = auto()
    HEAD = auto()
    CONTENT = auto()
    BOUNDARY = auto()
    EPILOGUE = auto()


@dataclass(slots=True)
class FormScanner:
    """Finds the parts of a form.

    *boundary*: with its two hyphens. `_held`: bytes at the end of the last piece with which a
    delimiter may begin, of which the first `_implied` are none of the content.
    """

    boundary: bytes
    _state: _State = _State.PREAMBLE
    _line: bytearray = field(default_factory=bytearray)
    _lines: list[bytes] = field(default_factory=list)
    _held: bytes = b""
    _implied: int = 0
    _ignored: int = 0

    @property
    def _delimiter(self) -> bytes:
        return b"\r\n" + self.boundary

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Find what the next *piece* of the body has. Raise `FormError` if it is no form."""
        position = 0
        while position < len(piece):
            if self._state is _State.CONTENT:
                position = yield from self._scan(piece, position)
            elif self._state is _State.EPILOGUE:
                self._ignore(len(piece) - position)
                return
            else:
                position = yield from self._read_line(piece, position)

    def close(self) -> None:
        """Raise `FormError` if the body ended before the form."""
        if self._state in {_State.PREAMBLE, _State.BOUNDARY}:
            self._take_boundary(bytes(self._line))
        if self._state is not _State.EPILOGUE:
            raise FormError("The body ends before the form.")

    def _read_line(self, piece: bytes, position: int) -> _Scan:
        """Read a line, or what this piece has of it."""
        end = piece.find(b"\n", position) + 1
        self._line += memoryview(piece)[position : end or len(piece)]
        if len(self._line) > (LONGEST_HEADER if self._state is _State.HEAD else _LONGEST_LINE):
            raise FormError("A line is too long.")
        if end:
            line, self._line = bytes(self._line), bytearray()
            yield from self._take_line(line)
        return end or len(piece)

    def _take_line(self, line: bytes) -> Iterator[Event]:
        if self._state is not _State.HEAD:
            self._take_boundary(line)
            return
        self._lines.append(line.rstrip(b"\r\n"))
        if not self._lines[-1]:
            yield self._end_head()
        elif len(self._lines) > MOST_HEADERS:
            raise FormError("A part has too many headers.")

    def _take_boundary(self, line: bytes) -> None:
        stripped = line.rstrip()
        if stripped == self.boundary:
            self._state = _State.HEAD
        elif stripped == self.boundary + b"--":
            self._state = _State.EPILOGUE
        elif self._state is _State.PREAMBLE:
            self._ignore(len(line) + _COST_OF_LINE)
        else:
            raise FormError("More follows the boundary on its line.")

    def _end_head(self) -> PartHead:
        """Begin with the content. Its delimiter may follow at once: the line break is implied."""
        lines, self._lines = self._lines, []
        self._state, self._held, self._implied = _State.CONTENT, b"\r\n", 2
        return _head_in(lines)

    def _scan(self, piece: bytes, position: int) -> _Scan:
        """Find the content of a part, and its end."""
        if self._held:
            return (yield from self._scan_held(piece, position))
        found = piece.find(self._delimiter, position)
        if found < 0:
            end = self._start_of_tail(piece, position)
            self._held = piece[end:]
            yield from self._content(memoryview(piece)[position:end])
            return len(piece)
        yield from self._content(memoryview(piece)[position:found])
        yield self._end_part()
        return found + len(self._delimiter)

    def _scan_held(self, piece: bytes, position: int) -> _Scan:
        """Find out whether a delimiter begins in the bytes held, and ends in this piece."""
        held, length = self._held, len(self._delimiter)
        window = held + piece[position : position + length]
        found = window.find(self._delimiter)
        if found >= 0:
            yield from self._content(memoryview(window)[:found])
            yield self._end_part()
            return position + found + length - len(held)
        if len(window) < len(held) + length:
            # The piece is too short to know: all of it is in the window.
            end = self._start_of_tail(window, 0)
            self._held = window[end:]
            yield from self._content(memoryview(window)[:end])
            return len(piece)
        self._held = b""
        yield from self._content(memoryview(held))
        return position

    def _start_of_tail(self, piece: bytes, position: int) -> int:
        """Return where the end of a piece begins that may be the beginning of a delimiter."""
        start = piece.rfind(b"\r", max(position, len(piece) - len(self._delimiter) + 1))
        return start if start >= 0 and self._delimiter.startswith(piece[start:]) else len(piece)

    def _content(self, found: memoryview) -> Iterator[memoryview]:
        if found:
            content, self._implied = found[self._implied :], 0
            if content:
                yield content

    def _end_part(self) -> PartEnd:
        """Expect the rest of the boundary's line."""
        self._state, self._held, self._implied = _State.BOUNDARY, b"", 0
        self._line = bytearray(self.boundary)
        return PartEnd()

    def _ignore(self, count: int) -> None:
        self._ignored += count
        if self._ignored > MOST_IGNORED:
            raise FormError("Too much precedes or follows the form.")


def boundary_in(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names, with its hyphens, or raise `FormError`."""
    boundary = parse_mimetype(content_type).parameters.get("boundary")
    if boundary is None or len(boundary) > _LONGEST_BOUNDARY:
        raise FormError("The Content-Type names no boundary, or one that is too long.")
    return f"--{boundary}".encode()


def _head_in(lines: list[bytes]) -> PartHead:
    try:
        headers, _ = HeadersParser(max_field_size=LONGEST_HEADER).parse_headers(lines)
    except BadHttpMessage as error:
        raise FormError("A part has invalid headers.") from error
    _, parameters = parse_content_disposition(headers.get(hdrs.CONTENT_DISPOSITION))
    if parameters.get("name") == _CHARSET:
        # RFC 7578, 4.6. All fields of an upload are UTF-8.
        raise FormError("The form names an encoding.")
    content_type = headers.get(hdrs.CONTENT_TYPE, "")
    is_form = parse_mimetype(content_type).type == "multipart"
    if is_form:
        boundary_in(content_type)
    return PartHead(
        headers=headers,
        name=content_disposition_filename(parameters, "name") or "",
        filename=content_disposition_filename(parameters, "filename"),
        is_form=is_form,
    )
