"""The records of zips: their layout, and the extra fields of their headers."""

import re
import struct
import zipfile
from collections.abc import Iterator, Mapping

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END_64, LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"

LOCAL_HEADER = struct.Struct("<5H3L2H")
CENTRAL_HEADER = struct.Struct("<6H3L5H2L")
END_RECORD = struct.Struct("<4H2LH")
END_64_RECORD = struct.Struct("<Q2H2L4Q")
LOCATOR_64_RECORD = struct.Struct("<LQL")

DATA_DESCRIPTOR = 0x08
IN_ZIP64 = 0xFFFFFFFF
MALFORMED = "Malformed zip file"

_EXTRA_HEADER = struct.Struct("<2H")
_SIZES_64, _UNICODE_PATH = 0x0001, 0x7075
_LENGTHS_64 = frozenset({0, 8, 16, 24, 28})
_ONE_NUMBER = 8
_BEFORE_PATH = 5
"""How many bytes of a Unicode path come before the path: a version and a checksum."""

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class FrameError(ValueError):
    """The zip is ambiguous or cannot be read."""


def check_characters(name: bytes) -> None:
    """Raise if a filename has control characters."""
    if _CONTROL.search(name):
        raise FrameError("Invalid character in filename")


def member_sizes(extra: bytes, method: int, size: int, packed: int) -> tuple[int, int]:
    """Return the unpacked and the packed size of a member, by its local header.

    They are in the Zip64 field if there is one: the packed size always, the
    unpacked one if the header refers to it.
    """
    fields = _extra_fields(extra)
    unicode_path = fields.get(_UNICODE_PATH, b"")[_BEFORE_PATH:]
    check_characters(unicode_path)
    _check_utf_8(unicode_path)
    large = fields.get(_SIZES_64)
    if large is None:
        return size, packed
    if not large and IN_ZIP64 not in {size, packed}:
        return size, packed
    if not large or (len(large) == _ONE_NUMBER and method != zipfile.ZIP_STORED):
        raise FrameError(MALFORMED)
    first, last = large[:8], large[8:16] or large[:8]
    return _number(first) if size == IN_ZIP64 else size, _number(last)


def unicode_path_in(extra: bytes) -> bytes | None:
    """Return the name that an extra field gives a member, `None` without such a field.

    Raise `FrameError` if the extra fields are malformed.
    """
    field = _extra_fields(extra).get(_UNICODE_PATH)
    return None if field is None else field[_BEFORE_PATH:]


def _extra_fields(extra: bytes) -> Mapping[int, bytes]:
    fields: dict[int, bytes] = {}
    for kind, content in _split(extra):
        if kind in fields and kind in {_SIZES_64, _UNICODE_PATH}:
            raise FrameError("Invalid duplicate extra in local file")
        if kind == _SIZES_64 and len(content) not in _LENGTHS_64:
            raise FrameError(MALFORMED)
        fields[kind] = content
    return fields


def _split(extra: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(extra):
        if place + _EXTRA_HEADER.size > len(extra):
            raise FrameError(MALFORMED)
        kind, length = _EXTRA_HEADER.unpack_from(extra, place)
        start = place + _EXTRA_HEADER.size
        place = start + length
        if place > len(extra):
            raise FrameError(MALFORMED)
        yield kind, extra[start:place]


def _check_utf_8(name: bytes) -> None:
    try:
        name.decode()
    except UnicodeDecodeError as error:
        raise FrameError("Filename not valid UTF-8") from error


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")
