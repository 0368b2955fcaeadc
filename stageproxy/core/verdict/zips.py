"""Here is what PyPI does not take of a zip that Python can read."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO

SUPPORTED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
HARMLESS_SIZE = 64 * 2**20
HIGHEST_RATIO = 50

_DATA_DESCRIPTOR = 0x08
_END_OF_ARCHIVE, _END_LENGTH = b"PK\x05\x06", 22
_FIRST_PRINTABLE = " "


def problem_with_size(members: Sequence[zipfile.ZipInfo], packed: int) -> str | None:
    """Return what makes a zip too dangerous to unpack; *packed* is its own size."""
    unpacked = sum(member.file_size for member in members)
    if unpacked > HARMLESS_SIZE and unpacked / packed > HIGHEST_RATIO:
        return f"File exceeds compression ratio of {HIGHEST_RATIO}"
    if any(member.compress_type not in SUPPORTED for member in members):
        return "File does not use a supported compression type"
    return None


def problem_with_frame(archive: zipfile.ZipFile, file: BinaryIO) -> str | None:
    """Return what two readers of the zip could read in two ways, the first of it."""
    reason = next(_reasons(archive, file), None)
    return None if reason is None else f"ZIP archive not accepted: {reason}"


def _reasons(archive: zipfile.ZipFile, file: BinaryIO) -> Iterator[str]:
    members = archive.infolist()
    names = [member.orig_filename for member in members]
    if members and min(member.header_offset for member in members) > 0:
        yield "Unknown record signature"
    if any(member.flag_bits & _DATA_DESCRIPTOR for member in members):
        yield "ZIP contains a data descriptor"
    if any(character < _FIRST_PRINTABLE for name in names for character in name):
        yield "Invalid character in filename"
    if len(set(names)) < len(names):
        yield "Duplicate filename in local headers"
    if any(member.comment for member in members):
        yield "Comment in central directory"
    if not _ends_with_archive(archive, file):
        yield "Trailing data"


def _ends_with_archive(archive: zipfile.ZipFile, file: BinaryIO) -> bool:
    file.seek(-_END_LENGTH - len(archive.comment), io.SEEK_END)
    return file.read(len(_END_OF_ARCHIVE)) == _END_OF_ARCHIVE
