"""Reading of wheels and sdists, with limits and without unpacking to disk."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from stageproxy.core.archives.contents import (
    LONGEST_METADATA,
    LONGEST_UNPACKED,
    MOST_MEMBERS,
    Contents,
    UnusableError,
    invalid,
)
from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.sdists import is_tar, read_sdist, read_zipped_sdist
from stageproxy.core.archives.wheels import read_wheel

__all__ = [
    "LONGEST_METADATA",
    "LONGEST_UNPACKED",
    "MOST_MEMBERS",
    "UNREADABLE",
    "Contents",
    "check_kind",
    "read_contents",
    "read_in_steps",
]

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)
UNREADABLE = (
    *_BROKEN,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    LookupError,
    OverflowError,
)
"""What reading a broken archive can raise."""

_ZIPS = (".whl", ".zip")


def read_contents(file: BinaryIO, name: DistributionName) -> Contents:
    """Return the contents of the wheel or sdist with that *name*.

    A broken archive is reported as a problem and raises nothing.
    """
    *_, contents = read_in_steps(file, name)
    return contents


def read_in_steps(file: BinaryIO, name: DistributionName) -> Iterator[Contents]:
    """Return the contents of a wheel or sdist after each step, the most important ones first.

    The last value is complete. A caller that runs out of time can use an
    earlier one, whose `unread` reports what is missing.
    """
    try:
        check_kind(file, name.filename)
        if name.is_wheel:
            yield from read_wheel(file, name)
        elif name.filename.endswith(_ZIPS):
            yield read_zipped_sdist(file)
        else:
            yield from read_sdist(file)
    except UNREADABLE as error:
        yield Contents(problems=(invalid(str(error) or type(error).__name__),))


def check_kind(file: BinaryIO, filename: str) -> None:
    """Raise unless the archive is of the kind of its filename, and of no other."""
    zipped, tarred = zipfile.is_zipfile(file), is_tar(file)
    if zipped and tarred:
        raise UnusableError("File is both a zip and a tar file")
    if filename.endswith(_ZIPS) and not zipped:
        raise UnusableError("File is not a zipfile")
    if not filename.endswith(_ZIPS) and not tarred:
        raise UnusableError("File is not a tarfile")
