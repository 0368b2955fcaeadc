"""Zips written byte by byte, with any values in their headers."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

DEFLATED = 8
DATE = (1 << 5) | 1 | (40 << 9)
UTF_8 = 0x800
REGULAR = 0o100644


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of a zip, with values of its two headers that need not be true.

    `local` and `central` replace values of either header; `alone` is a member that only the
    directory lists, at the offset of an earlier one.
    """

    name: str | bytes
    content: bytes = b""
    packed: bytes | None = None
    mode: int = REGULAR
    extra: bytes = b""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    alone: bool = False

    @property
    def data(self) -> bytes:
        """Return the data after the local header."""
        return deflated(self.content) if self.packed is None else self.packed

    def values(self) -> dict[str, Any]:
        """Return the values of a correct header."""
        name = self.name.encode() if isinstance(self.name, str) else self.name
        return {
            "name": name,
            "flags": UTF_8,
            "method": DEFLATED,
            "crc": zlib.crc32(self.content),
            "packed": len(self.data),
            "size": len(self.content),
            "extra": self.extra,
            "comment": b"",
        }


def deflated(content: bytes) -> bytes:
    """Return *content* compressed as in a zip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def raw_zip(
    entries: Iterable[Entry], *, before: bytes = b"", between: bytes = b"", **end: Any
) -> bytes:
    """Return a zip of *entries*; `end` replaces values of its last record."""
    body, directory, count, offset = bytearray(before), bytearray(), 0, len(before)
    for entry in entries:
        if not entry.alone:
            offset = len(body)
            body += _local(**entry.values() | entry.local) + entry.data
        directory += _central(offset, entry.mode, entry.values() | entry.central)
        count += 1
    body += between
    values = {"count": count, "size": len(directory), "offset": len(body), **end}
    return bytes(body + directory) + end_record(**values)


def _local(  # noqa: PLR0917 - the fields of the format
    name: bytes, flags: int, method: int, crc: int, packed: int, size: int, extra: bytes, **_: Any
) -> bytes:
    fixed = struct.pack(
        *("<4s5H3L2H", b"PK\x03\x04", 20, flags, method, 0, DATE, crc, packed, size),
        *(len(name), len(extra)),
    )
    return fixed + name + extra


def _central(offset: int, mode: int, values: dict[str, Any]) -> bytes:
    name: bytes = values["name"]
    extra: bytes = values["extra"]
    comment: bytes = values["comment"]
    fixed = struct.pack(
        *("<4s6H3L5H2L", b"PK\x01\x02", 0x314, 20, values["flags"], values["method"], 0, DATE),
        *(values["crc"], values["packed"], values["size"], len(name), len(extra), len(comment)),
        *(0, 0, mode << 16, values.get("offset", offset)),
    )
    return fixed + name + extra + comment


def end_record(
    count: int, size: int, offset: int, *, comment: bytes = b"", length: int | None = None
) -> bytes:
    """Return the end of a zip; *length* is the length of its comment."""
    values = len(comment) if length is None else length
    counts = (count & 0xFFFF, count & 0xFFFF)
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *counts, size, offset, values) + comment


def zip64_end(count: int, size: int, offset: int, *, at: int, record_size: int = 44) -> bytes:
    """Return the records before the end of a large zip."""
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", record_size, 45, 45, 0, 0, count, count, size, offset
    )
    return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
