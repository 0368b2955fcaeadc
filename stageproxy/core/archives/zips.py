"""Checks of the structure of zips, as on PyPI."""

import io
import re
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

SUPPORTED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
HARMLESS_SIZE = 64 * 2**20
HIGHEST_RATIO = 50

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END_64, _LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"
_LOCAL_HEADER = struct.Struct("<5H3L2H")
_CENTRAL_HEADER = struct.Struct("<6H3L5H2L")
_END_RECORD = struct.Struct("<4H2LH")
_END_64_RECORD = struct.Struct("<Q2H2L4Q")
_EXTRA_HEADER = struct.Struct("<2H")
_LOCATOR_LENGTH = 16
_DATA_DESCRIPTOR, _UTF_8 = 0x08, 0x800
_SIZES_64, _UNICODE_PATH = 0x0001, 0x7075
_IN_ZIP64 = 0xFFFFFFFF
_END_64_LENGTH = 44
_CONTROL = re.compile(r"[\x00-\x1f]")


class _FrameError(ValueError):
    """The zip is ambiguous or cannot be read."""


def problem_with_size(members: Sequence[zipfile.ZipInfo], packed: int) -> str | None:
    """Return why unpacking a zip is dangerous, `None` if it is not. *packed*: its size in bytes."""
    unpacked = sum(member.file_size for member in members)
    if unpacked > HARMLESS_SIZE and unpacked / packed > HIGHEST_RATIO:
        return f"File exceeds compression ratio of {HIGHEST_RATIO}"
    if any(member.compress_type not in SUPPORTED for member in members):
        return "File does not use a supported compression type"
    return None


def problem_with_frame(archive: zipfile.ZipFile, file: BinaryIO) -> str | None:
    """Return the first thing that two readers of the zip could read differently.

    Some readers use the central directory, others the local header before each
    member. Both must list the same members, each once and without gaps.
    """
    try:
        _Frame(file, {one.orig_filename: one for one in reversed(archive.infolist())}).check()
    except _FrameError as error:
        return f"ZIP archive not accepted: {error}"
    return None


def members_with_other_headers(archive: zipfile.ZipFile, file: BinaryIO) -> list[str]:
    """Return the members whose local header has another method, checksum or flags.

    PyPI does not check these; a reader that uses the local header gets other bytes.
    """
    return [member.filename for member in archive.infolist() if _differs(member, file)]


def _differs(member: zipfile.ZipInfo, file: BinaryIO) -> bool:
    file.seek(member.header_offset + len(_LOCAL))
    raw = file.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size:
        return True
    _, flags, method, _, _, checksum, *_ = _LOCAL_HEADER.unpack(raw)
    if flags & _DATA_DESCRIPTOR:
        checksum = member.CRC
    return (flags, method, checksum) != (member.flag_bits, member.compress_type, member.CRC)


@dataclass(slots=True)
class _Frame:
    """The records of a zip, read from start to end."""

    file: BinaryIO
    listed: Mapping[str, zipfile.ZipInfo]
    offsets: dict[str, int] = field(default_factory=dict)
    central: set[str] = field(default_factory=set)
    directory: int | None = None
    records_64: tuple[int, int, int] | None = None

    def check(self) -> None:
        """Raise on the first violation."""
        self.file.seek(0)
        readers: Mapping[bytes, Callable[[int], None]] = {
            _LOCAL: self._local,
            _CENTRAL: self._central,
            _END_64: self._end_64,
            _LOCATOR_64: self._locator_64,
        }
        while (signature := self.file.read(4)) != _END:
            if signature not in readers:
                raise _FrameError("Unknown record signature" if signature else "Malformed zip file")
            readers[signature](self.file.tell() - 4)
        self._end(self.file.tell() - 4)

    def _local(self, start: int) -> None:
        header = _LOCAL_HEADER.unpack(self._read(_LOCAL_HEADER.size))
        _, flags, _, _, _, _, packed, size, name_length, extra_length = header
        if flags & _DATA_DESCRIPTOR:
            raise _FrameError("ZIP contains a data descriptor")
        name = self._name(name_length, flags)
        if name in self.offsets:
            raise _FrameError("Duplicate filename in local headers")
        if name not in self.listed:
            raise _FrameError("Filename not in central directory")
        sizes = _sizes_64(self._read(extra_length), size, packed)
        if sizes[1] != self.listed[name].compress_size:
            raise _FrameError("Mis-matched data size")
        if sizes[0] != self.listed[name].file_size:
            raise _FrameError("Mis-matched file size")
        self.offsets[name] = start
        self.file.seek(sizes[1], io.SEEK_CUR)

    def _central(self, start: int) -> None:
        header = _CENTRAL_HEADER.unpack(self._read(_CENTRAL_HEADER.size))
        flags, name_length, extra_length, comment_length = header[2], *header[9:12]
        name = self._name(name_length, flags)
        if comment_length:
            raise _FrameError("Comment in central directory")
        if name in self.central:
            raise _FrameError("Duplicate filename in central directory")
        if name not in self.offsets:
            raise _FrameError("Missing filename in local headers")
        if self.listed[name].header_offset != self.offsets[name]:
            raise _FrameError("Mismatched central directory offset")
        self._read(extra_length)
        self.central.add(name)
        self.directory = start if self.directory is None else self.directory

    def _end_64(self, start: int) -> None:
        length, *_, records, size, offset = _END_64_RECORD.unpack(self._read(_END_64_RECORD.size))
        if length != _END_64_LENGTH:
            raise _FrameError("ZIP64 extensible data not allowed")
        self.records_64 = (records, size, offset)
        self._check_directory(start, records, size, offset)

    def _locator_64(self, _start: int) -> None:
        self._read(_LOCATOR_LENGTH)

    def _end(self, start: int) -> None:
        record = _END_RECORD.unpack(self._read(_END_RECORD.size))
        _, _, _, records, size, offset, comment_length = record
        if self.records_64 is None:
            self._check_directory(start, records, size, offset)
        self._read(comment_length)
        if self.file.read(1):
            raise _FrameError("Trailing data")

    def _check_directory(self, start: int, records: int, size: int, offset: int) -> None:
        directory = start if self.directory is None else self.directory
        if self.offsets.keys() != self.central:
            raise _FrameError("Filename not in central directory")
        if records != len(self.central):
            raise _FrameError("Mismatched central directory records")
        if offset != directory:
            raise _FrameError("Mismatched central directory offset")
        if size != start - directory:
            raise _FrameError("Mismatched central directory size")

    def _name(self, length: int, flags: int) -> str:
        raw = self._read(length)
        try:
            name = raw.decode()
        except UnicodeDecodeError as error:
            raise _FrameError("Filename not unicode") from error
        if _CONTROL.search(name):
            raise _FrameError("Invalid character in filename")
        # As in zipfile, if the header does not declare UTF-8.
        return name if flags & _UTF_8 else raw.decode("cp437")

    def _read(self, length: int) -> bytes:
        content = self.file.read(length)
        if len(content) < length:
            raise _FrameError("Malformed zip file")
        return content


def _sizes_64(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """Return the unpacked and the packed size of a member, from the Zip64 field if necessary."""
    fields: dict[int, bytes] = {}
    while len(extra) >= _EXTRA_HEADER.size:
        kind, length = _EXTRA_HEADER.unpack(extra[: _EXTRA_HEADER.size])
        if kind in fields and kind in {_SIZES_64, _UNICODE_PATH}:
            raise _FrameError("Invalid duplicate extra in local file")
        end = _EXTRA_HEADER.size + length
        fields[kind] = extra[_EXTRA_HEADER.size : end]
        extra = extra[end:]
    large = fields.get(_SIZES_64, b"")
    found = [int.from_bytes(large[place : place + 8], "little") for place in (0, 8)]
    if _IN_ZIP64 not in {size, packed}:
        return size, packed
    real = iter(found)
    return (
        next(real) if size == _IN_ZIP64 else size,
        next(real) if packed == _IN_ZIP64 else packed,
    )
