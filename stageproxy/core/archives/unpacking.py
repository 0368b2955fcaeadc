"""Unpacking of the members of zips, to the last byte that a header declares."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from stageproxy.core.archives.contents import PIECE
from stageproxy.core.archives.zip_records import LOCAL, LOCAL_HEADER


@dataclass(slots=True)
class Unpacking:
    """The unpacking of one member. `slack` is how many packed bytes unpack to nothing.

    `zipfile` ignores such bytes; other readers may not.
    """

    archive: zipfile.ZipFile
    file: BinaryIO
    member: zipfile.ZipInfo
    slack: int = 0

    def pieces(self) -> Iterator[bytes]:
        """Yield the unpacked bytes. Raise as `zipfile` does if they are damaged or encrypted."""
        size, checksum = 0, 0
        for piece in self._unpacked():
            size += len(piece)
            checksum = zlib.crc32(piece, checksum)
            if size > self.member.file_size:
                break
            yield piece
        if (size, checksum) != (self.member.file_size, self.member.CRC):
            raise zipfile.BadZipFile(f"Bad size or CRC-32 for file {self.member.filename!r}")

    def _unpacked(self) -> Iterator[bytes]:
        self._go_to_data()
        packed = self.member.compress_size
        if self.member.compress_type == zipfile.ZIP_STORED:
            self.slack = max(0, packed - self.member.file_size)
            yield from self._packed(packed - self.slack)
            return
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        used = 0
        for piece in self._packed(packed):
            used += len(piece)
            while piece and not unpacker.eof:
                yield unpacker.decompress(piece, PIECE)
                piece = unpacker.unconsumed_tail  # noqa: PLW2901 - what is left of it
            if unpacker.eof:
                break
        yield unpacker.flush()
        self.slack = packed - used + len(unpacker.unused_data)

    def _go_to_data(self) -> None:
        self.archive.open(self.member).close()  # checks its header, and that it is not encrypted
        self.file.seek(self.member.header_offset + len(LOCAL))
        *_, name, extra = LOCAL_HEADER.unpack(self.file.read(LOCAL_HEADER.size))
        self.file.seek(self.file.tell() + name + extra)

    def _packed(self, length: int) -> Iterator[bytes]:
        while length > 0 and (piece := self.file.read(min(length, PIECE))):
            length -= len(piece)
            yield piece
