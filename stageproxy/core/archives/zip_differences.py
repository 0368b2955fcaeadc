"""Differences between the records of a zip that PyPI accepts and readers may stumble over."""

import io
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from stageproxy.core.archives.contents import some
from stageproxy.core.archives.zip_records import (
    DATA_DESCRIPTOR,
    END_64_RECORD,
    END_RECORD,
    IN_ZIP64,
    LOCAL,
    LOCAL_HEADER,
    LOCATOR_64,
    LOCATOR_64_RECORD,
    FrameError,
    unicode_path_in,
)

_SIGNATURE = 4
_COUNT_IN_ZIP64 = 0xFFFF


def differences_in(archive: zipfile.ZipFile, file: BinaryIO) -> Iterator[str]:
    """Return a sentence on each kind of difference. PyPI must accept the frame of the zip."""
    members = archive.infolist()
    if other := [member.filename for member in members if _has_other_header(member, file)]:
        yield f"Local headers of the zip do not match its central directory: {some(other)}."
    if renamed := [member.filename for member in members if _has_other_name(member, file)]:
        yield f"Extra fields of the zip are malformed or give other names: {some(renamed)}."
    if _has_other_end(archive, file):
        yield "The end of the zip does not match its ZIP64 record."


def _has_other_header(member: zipfile.ZipInfo, file: BinaryIO) -> bool:
    """Return whether the local header has another method, checksum or flags.

    A reader that uses the local header gets other bytes.
    """
    header = _local_header(member, file)
    if header is None:
        return True
    _, flags, method, _, _, checksum, *_ = header
    if flags & DATA_DESCRIPTOR:
        checksum = member.CRC
    return (flags, method, checksum) != (member.flag_bits, member.compress_type, member.CRC)


def _has_other_name(member: zipfile.ZipInfo, file: BinaryIO) -> bool:
    """Return whether an extra field gives the member another name, or is malformed.

    Some readers use the name in the extra field, others that in the header.
    """
    header = _local_header(member, file)
    if header is None:
        return False
    *_, name_length, extra_length = header
    name, extra = file.read(name_length), file.read(extra_length)
    try:
        names = {unicode_path_in(extra), unicode_path_in(member.extra)}
    except FrameError:
        return True
    return bool(names - {None, name, name.decode("cp437").encode()})


def _local_header(member: zipfile.ZipInfo, file: BinaryIO) -> tuple[int, ...] | None:
    """Return the local header of a member, and leave the file behind it."""
    file.seek(member.header_offset + len(LOCAL))
    raw = file.read(LOCAL_HEADER.size)
    return LOCAL_HEADER.unpack(raw) if len(raw) == LOCAL_HEADER.size else None


def _has_other_end(archive: zipfile.ZipFile, file: BinaryIO) -> bool:
    """Return whether the last record has neither the values of the Zip64 record nor refers to it.

    Readers that do not know Zip64 use the last record.
    """
    lengths = [one.size + _SIGNATURE for one in (END_64_RECORD, LOCATOR_64_RECORD, END_RECORD)]
    size = file.seek(0, io.SEEK_END)
    start = size - len(archive.comment) - sum(lengths)
    if start < 0:
        return False
    file.seek(start)
    end_64, locator, end = (file.read(length) for length in lengths)
    if not locator.startswith(LOCATOR_64):
        return False
    *_, count_64, size_64, offset_64 = END_64_RECORD.unpack(end_64[_SIGNATURE:])
    _, _, _, count, size, offset, _ = END_RECORD.unpack(end[_SIGNATURE:])
    return (
        count not in {count_64, _COUNT_IN_ZIP64}
        or size not in {size_64, IN_ZIP64}
        or offset not in {offset_64, IN_ZIP64}
    )
