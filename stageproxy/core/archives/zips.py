"""Checks of the structure of zips, as on PyPI."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from stageproxy.core.archives.zip_records import (
    CENTRAL,
    CENTRAL_HEADER,
    DATA_DESCRIPTOR,
    END,
    END_64,
    END_64_RECORD,
    END_RECORD,
    LOCAL,
    LOCAL_HEADER,
    LOCATOR_64,
    LOCATOR_64_RECORD,
    MALFORMED,
    FrameError,
    check_characters,
    member_sizes,
)

SUPPORTED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
HARMLESS_SIZE = 64 * 2**20
HIGHEST_RATIO = 50

_END_64_LENGTH = 44
_DISK_IN_ZIP64 = 0xFFFF


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
    except FrameError as error:
        return f"ZIP archive not accepted: {error}"
    return None


@dataclass(slots=True)
class _Frame:
    """The records of a zip, read from start to end. Members are known by the bytes of their names.

    `end_64` is the place of the Zip64 end of the directory, and `is_located`
    whether its locator was read.
    """

    file: BinaryIO
    listed: Mapping[str, zipfile.ZipInfo]
    offsets: dict[bytes, int] = field(default_factory=dict)
    central: set[bytes] = field(default_factory=set)
    directory: int | None = None
    end_64: int | None = None
    is_located: bool = False

    def check(self) -> None:
        """Raise on the first violation."""
        self.file.seek(0)
        readers: Mapping[bytes, Callable[[int], None]] = {
            LOCAL: self._local,
            CENTRAL: self._central,
            END_64: self._end_64,
            LOCATOR_64: self._locator_64,
        }
        while (signature := self.file.read(4)) != END:
            if signature not in readers:
                raise FrameError("Unknown record signature" if signature else MALFORMED)
            readers[signature](self.file.tell() - 4)
        self._end(self.file.tell() - 4)

    def _local(self, start: int) -> None:
        header = self._unpack(LOCAL_HEADER)
        _, flags, method, _, _, _, packed, size, name_length, extra_length = header
        name, extra = self._read(name_length), self._read(extra_length)
        check_characters(name)
        size, packed = member_sizes(extra, method, size, packed)
        if flags & DATA_DESCRIPTOR:
            raise FrameError("ZIP contains a data descriptor")
        if name in self.offsets:
            raise FrameError("Duplicate filename in local headers")
        member = self.listed.get(_decoded(name))
        if member is None:
            raise FrameError("Filename not in central directory")
        if packed != member.compress_size:
            raise FrameError("Mis-matched data size")
        if size != member.file_size:
            raise FrameError("Mis-matched file size")
        self.offsets[name] = start
        self.file.seek(packed, io.SEEK_CUR)

    def _central(self, start: int) -> None:
        header = self._unpack(CENTRAL_HEADER)
        name_length, extra_length, comment_length, disk = header[9:13]
        if comment_length:
            raise FrameError("Comment in central directory")
        name = self._read(name_length)
        self._read(extra_length)
        check_characters(name)
        if name in self.central:
            raise FrameError("Duplicate filename in central directory")
        if name not in self.offsets:
            raise FrameError("Missing filename in local headers")
        if self.listed[_decoded(name)].header_offset != self.offsets[name]:
            raise FrameError("Mismatched central directory offset")
        _check_disks(disk)
        self.central.add(name)
        self.directory = start if self.directory is None else self.directory

    def _end_64(self, start: int) -> None:
        length, _, _, *disks, here, records, size, offset = self._unpack(END_64_RECORD)
        if length != _END_64_LENGTH:
            raise FrameError("ZIP64 extensible data not allowed")
        if self.end_64 is not None or here != records:
            raise FrameError(MALFORMED)
        _check_disks(*disks)
        self.end_64 = start
        self._check_directory(start, records, size, offset)

    def _locator_64(self, _start: int) -> None:
        disk, offset, _ = self._unpack(LOCATOR_64_RECORD)
        if self.is_located or offset != self.end_64:
            raise FrameError(MALFORMED)
        _check_disks(disk)
        self.is_located = True

    def _end(self, start: int) -> None:
        *disks, here, records, size, offset, comment_length = self._unpack(END_RECORD)
        if here != records or self.is_located != (self.end_64 is not None):
            raise FrameError(MALFORMED)
        if self.end_64 is None:
            self._check_directory(start, records, size, offset)
        _check_disks(*(one for one in disks if self.end_64 is None or one != _DISK_IN_ZIP64))
        end = self.file.tell() + comment_length
        if end != self.file.seek(0, io.SEEK_END):
            raise FrameError("Trailing data")

    def _check_directory(self, start: int, records: int, size: int, offset: int) -> None:
        directory = start if self.directory is None else self.directory
        if self.offsets.keys() != self.central:
            raise FrameError("Filename not in central directory")
        if records != len(self.central):
            raise FrameError("Mismatched central directory records")
        if offset != directory:
            raise FrameError("Mismatched central directory offset")
        if size != start - directory:
            raise FrameError("Mismatched central directory size")

    def _unpack(self, record: struct.Struct) -> tuple[Any, ...]:
        return record.unpack(self._read(record.size))

    def _read(self, length: int) -> bytes:
        content = self.file.read(length)
        if len(content) < length:
            raise FrameError(MALFORMED)
        return content


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise FrameError("Filename not unicode") from error


def _check_disks(*numbers: int) -> None:
    """Raise if a record, or what it refers to, is on another disk than the first."""
    if any(numbers):
        raise FrameError(MALFORMED)
