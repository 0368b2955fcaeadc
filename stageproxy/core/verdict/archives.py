"""Here is what stands in a wheel or an sdist, read with bounds and never unpacked to disk."""

import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from stageproxy.core.verdict.entry_points import has_valid_entry_points
from stageproxy.core.verdict.filenames import DistributionName
from stageproxy.core.verdict.zips import problem_with_frame, problem_with_size

LONGEST_METADATA = 2 * 2**20
"""How many bytes of core metadata are read; PyPI's largest are a tenth of it."""

MOST_MEMBERS = 100_000
"""How many members of an archive are looked at."""

LONGEST_UNPACKED = 4 * 2**30
"""How far an sdist is unpacked, in memory and piece by piece, to find its PKG-INFO."""

_PKG_INFO = re.compile(r"(\./)?[^/]+/PKG-INFO")
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)
_UNREADABLE = (*_BROKEN, lzma.LZMAError, NotImplementedError, RuntimeError, KeyError, OverflowError)


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in an archive: its core metadata, and what is missing or broken.

    `problems` are whole sentences, in the order in which PyPI would find them.
    """

    core_metadata: bytes | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()


def read_contents(file: BinaryIO, name: DistributionName) -> Contents:
    """Return what stands in the wheel or sdist of that *name*.

    A broken archive is a problem to tell, never an exception.
    """
    try:
        return _read_wheel(file, name) if name.is_wheel else _read_sdist(file, name)
    except _UNREADABLE as error:
        return _invalid(str(error) or type(error).__name__)


def _invalid(reason: str) -> Contents:
    return Contents(problems=(f"Invalid distribution file. {reason}",))


def _read_wheel(file: BinaryIO, name: DistributionName) -> Contents:
    if not zipfile.is_zipfile(file):
        return _invalid("File is not a zipfile")
    packed = file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        if len(archive.infolist()) > MOST_MEMBERS:
            return _invalid(f"File has more than {MOST_MEMBERS} members")
        if reason := problem_with_size(archive.infolist(), packed):
            return _invalid(reason)
        problems = tuple(_wheel_problems(archive, file, name))
        core_metadata = _find_member(archive, name.metadata_path)
    if core_metadata is not None and len(core_metadata) > LONGEST_METADATA:
        return _invalid(f"METADATA is longer than {LONGEST_METADATA} bytes")
    return Contents(core_metadata, problems)


def _wheel_problems(
    archive: zipfile.ZipFile, file: BinaryIO, name: DistributionName
) -> Iterator[str]:
    names = set(archive.namelist())
    if f"{name.root}/WHEEL" not in names:
        yield f"Invalid distribution file. WHEEL not found at {name.root}/WHEEL"
    if reason := problem_with_frame(archive, file):
        yield f"Invalid distribution file. {reason}"
    if f"{name.root}/RECORD" not in names:
        yield _lacks(name, "RECORD")
    entry_points = _find_member(archive, f"{name.root}/entry_points.txt")
    if entry_points is not None and not has_valid_entry_points(entry_points):
        yield (
            f"Wheel '{name.filename}' has invalid entry points defined in the entry_points.txt file"
        )
    if name.metadata_path not in names:
        yield _lacks(name, "METADATA")


def _lacks(name: DistributionName, required: str) -> str:
    path = f"{name.root}/{required}"
    return f"Wheel '{name.filename}' does not contain the required {required} file: {path}"


def _find_member(archive: zipfile.ZipFile, path: str) -> bytes | None:
    """Return the first bytes of a member, one more than we take."""
    if path not in archive.namelist():
        return None
    with archive.open(path) as member:
        return member.read(LONGEST_METADATA + 1)


def _read_sdist(file: BinaryIO, name: DistributionName) -> Contents:
    is_zip = zipfile.is_zipfile(file)
    file.seek(0)
    try:
        # Streaming mode never seeks: a member's data is only unpacked while it is passed over.
        with tarfile.open(fileobj=file, mode="r|gz") as archive:
            if is_zip:
                return _invalid("File is both a zip and a tar file")
            return _find_pkg_info(archive, name)
    except (tarfile.ReadError, TypeError):  # the latter for a gzip header that is cut off
        return _invalid("File is not a tarfile")


def _find_pkg_info(archive: tarfile.TarFile, name: DistributionName) -> Contents:
    """Look for PKG-INFO in the one directory that an sdist has, whatever its name."""
    unpacked = 0
    for count, member in enumerate(archive, 1):
        # A member's size is known before its data is unpacked on the way to the next.
        unpacked += member.size
        if count > MOST_MEMBERS:
            return _invalid(f"File has more than {MOST_MEMBERS} members")
        if unpacked > LONGEST_UNPACKED:
            return _invalid(f"File unpacks to more than {LONGEST_UNPACKED} bytes")
        if _PKG_INFO.fullmatch(member.name) and member.isfile():
            if member.size > LONGEST_METADATA:
                return _invalid(f"PKG-INFO is longer than {LONGEST_METADATA} bytes")
            opened = archive.extractfile(member)
            return Contents(opened.read() if opened else None)
    return _invalid(f"PKG-INFO not found at {name.metadata_path}")
