"""Zips and tars whose bytes depend on their members only."""

import bz2
import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

ZIP_DATE = (2020, 1, 1, 0, 0, 0)
TAR_DATE = 1577836800
UNIX = 3


@dataclass(frozen=True, slots=True)
class ZipStyle:
    """How a zip is written."""

    method: int = zipfile.ZIP_DEFLATED
    streamed: bool = False
    member_comment: str = ""
    archive_comment: str = ""


class _Pipe(io.BytesIO):
    """A buffer without a position, for which zipfile writes data descriptors."""

    def tell(self) -> int:
        raise io.UnsupportedOperation


def zip_of(members: Iterable[tuple[str, bytes]], style: ZipStyle = ZipStyle()) -> bytes:
    """Return a zip of *members*, in order."""
    buffer = _Pipe() if style.streamed else io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        # Some tests need members of the same name.
        warnings.simplefilter("ignore", UserWarning)
        archive.comment = style.archive_comment.encode()
        for path, content in members:
            archive.writestr(_zip_entry(path, style), content)
    return buffer.getvalue()


def _zip_entry(path: str, style: ZipStyle) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, ZIP_DATE)
    entry.compress_type = zipfile.ZIP_STORED if path.endswith("/") else style.method
    entry.create_system = UNIX
    entry.external_attr = 0o100644 << 16
    entry.comment = style.member_comment.encode()
    return entry


def tar_of(
    members: Iterable[tuple[tarfile.TarInfo, bytes]], tar_format: int = tarfile.PAX_FORMAT
) -> bytes:
    """Return a tar of *members*, in order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def tar_file(path: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """Return a regular file as a member of a tar."""
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    entry.mtime = TAR_DATE
    return entry, content


def gzip_of(content: bytes) -> bytes:
    """Return *content* compressed with gzip, without a time or a filename."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(content)
    return buffer.getvalue()


def bzip2_of(content: bytes) -> bytes:
    """Return *content* compressed with bzip2."""
    return bz2.compress(content)
