"""Here is what stands in a wheel or an sdist, read with bounds and never unpacked to disk."""

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
    "Contents",
    "read_contents",
    "read_in_steps",
]

_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)
_UNREADABLE = (
    *_BROKEN,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    LookupError,
    OverflowError,
)
_ZIPS = (".whl", ".zip")


def read_contents(file: BinaryIO, name: DistributionName) -> Contents:
    """Return what stands in the wheel or sdist of that *name*.

    A broken archive is a problem to tell, never an exception.
    """
    *_, contents = read_in_steps(file, name)
    return contents


def read_in_steps(file: BinaryIO, name: DistributionName) -> Iterator[Contents]:
    """Return what stands in a wheel or sdist, the essential first, and at last all of it.

    Who has no time for the next step can take the last one, which says in
    `unread` what it lacks.
    """
    try:
        _check_kind(file, name)
        if name.is_wheel:
            yield from read_wheel(file, name)
        elif name.filename.endswith(_ZIPS):
            yield read_zipped_sdist(file)
        else:
            yield from read_sdist(file)
    except _UNREADABLE as error:
        yield Contents(problems=(invalid(str(error) or type(error).__name__),))


def _check_kind(file: BinaryIO, name: DistributionName) -> None:
    """Raise if the archive is not what its filename says, or two things at once."""
    zipped, tarred = zipfile.is_zipfile(file), is_tar(file)
    if zipped and tarred:
        raise UnusableError("File is both a zip and a tar file")
    if name.filename.endswith(_ZIPS) and not zipped:
        raise UnusableError("File is not a zipfile")
    if not name.filename.endswith(_ZIPS) and not tarred:
        raise UnusableError("File is not a tarfile")
