"""The files of an archive, one after the other, each unpacked in pieces."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from stageproxy.core.archives.contents import (
    LONGEST_UNPACKED,
    MOST_MEMBERS,
    PIECE,
    UnusableError,
)
from stageproxy.core.archives.filenames import SDIST_SUFFIX, WHEEL_SUFFIX
from stageproxy.core.archives.reader import check_kind
from stageproxy.core.archives.unpacking import Unpacking
from stageproxy.core.archives.wheels import open_zip

_ZIPS = (WHEEL_SUFFIX, ".zip")
_ANYBODY_MAY_RUN = 0o111
_MODE_BITS = 16


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file in an archive. `pieces` unpacks it, once, before the next file is asked for.

    `link` is the target of a link in a tar, which has no pieces of its own.
    """

    path: str
    size: int
    is_runnable: bool
    pieces: Callable[[], Iterator[bytes]]
    link: str = ""

    def read(self, longest: int) -> bytes:
        """Return its first *longest* bytes."""
        content = bytearray()
        for piece in self.pieces():
            content += piece
            if len(content) >= longest:
                break
        return bytes(content[:longest])


def walk(file: BinaryIO, filename: str) -> Iterator[ArchiveFile]:
    """Yield the files of a wheel, a tar.gz or a zip. Devices are no files.

    Raise one of `UNREADABLE` where it cannot be read any further, or is a bomb.
    """
    if not filename.endswith((*_ZIPS, SDIST_SUFFIX)):
        raise UnusableError("Only wheels, .tar.gz and .zip files are read")
    check_kind(file, filename)
    yield from _walk_zip(file) if filename.endswith(_ZIPS) else _walk_tar(file)


def _walk_zip(file: BinaryIO) -> Iterator[ArchiveFile]:
    with open_zip(file) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                yield ArchiveFile(
                    member.filename,
                    member.file_size,
                    bool(member.external_attr >> _MODE_BITS & _ANYBODY_MAY_RUN),
                    Unpacking(archive, file, member).pieces,
                )


def _walk_tar(file: BinaryIO) -> Iterator[ArchiveFile]:
    file.seek(0)
    number, unpacked = 0, 0
    # As in `sdists`: the gzip reader of tarfile would accept a truncated file.
    with gzip.GzipFile(fileobj=file) as tar, tarfile.open(fileobj=tar, mode="r|") as archive:
        for member in archive:
            number += 1
            unpacked += member.size
            _check_amounts(number, unpacked)
            if member.isfile() and not member.issparse():
                runnable = bool(member.mode & _ANYBODY_MAY_RUN)
                opened = archive.extractfile(member) or io.BytesIO()
                yield ArchiveFile(member.name, member.size, runnable, _pieces_of(opened))
            elif member.issym() or member.islnk():
                nothing = _pieces_of(io.BytesIO())
                yield ArchiveFile(member.name, 0, False, nothing, member.linkname or ".")  # noqa: FBT003
        archive.fileobj.read(PIECE)  # the gzip file ends here, or is cut


def _check_amounts(number: int, unpacked: int) -> None:
    if number > MOST_MEMBERS:
        raise UnusableError(f"File has more than {MOST_MEMBERS} members")
    if unpacked > LONGEST_UNPACKED:
        raise UnusableError(f"File unpacks to more than {LONGEST_UNPACKED} bytes")


def _pieces_of(opened: IO[bytes]) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        while piece := opened.read(PIECE):
            yield piece

    return pieces
