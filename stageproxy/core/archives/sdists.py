"""Contents of sdists."""

import bz2
import gzip
import io
import posixpath
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from stageproxy.core.archives.contents import (
    LONGEST_METADATA,
    LONGEST_UNPACKED,
    MOST_MEMBERS,
    Contents,
    UnusableError,
    invalid,
    some,
)
from stageproxy.core.archives.encodings import encoding_problem
from stageproxy.core.archives.encrypted_code import CODE_SUFFIXES, LONGEST_SEARCHED, find_encryption
from stageproxy.core.archives.members import suspicious_paths
from stageproxy.core.archives.other_releases import is_egg_info, other_egg_infos
from stageproxy.core.archives.tar_ends import suspicious_end
from stageproxy.core.archives.wheels import open_zip
from stageproxy.core.archives.zips import HARMLESS_SIZE, HIGHEST_RATIO, problem_with_frame

_SPARSE = "tar archive not accepted: Sparse members are not allowed."
_DIRECTORIES = "Incorrect number of top-level directories in sdist"
_DAMAGED = "None: the archive is damaged, truncated or not a tar.gz."
_PKG_INFO = "PKG-INFO"
_LARGE_SIZE = 8 * 2**20
_MOST_EGG_INFOS = 10
_HEAD = 2**14
"""How many bytes of an egg-info are read: its first lines have name and version."""

_NOT_READ_TO_END = (
    "The sdist was not read to the end because that would take too long. "
    "Whether it is complete, and which files it contains, is unknown."
)
_READ_ERRORS = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, TypeError, IndexError)
_UNPACKERS: Mapping[bytes, Callable[[BinaryIO], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": lambda file: bz2.BZ2File(file),  # noqa: PLW0108 - its first parameter has other names
}
"""The compressions of tar files on PyPI. Unpacking xz could need any amount of memory."""


class _TooLongError(Exception):
    """The sdist unpacks to more than the limit."""


@dataclass(slots=True)
class _Tar:
    """What is known of a tar after it was read, in one pass."""

    names: list[str] = field(default_factory=list)
    pkg_info: dict[str, bytes | None] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    egg_infos: dict[str, bytes] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    specials: list[str] = field(default_factory=list)
    encryption: str | None = None
    packed: int = 0
    unpacked: int = 0
    end: str | None = None


def is_tar(file: BinaryIO) -> bool:
    """Return whether a file starts like a tar, compressed or not."""
    file.seek(0)
    start = file.read(3)
    file.seek(0)
    unpacker = next((one for magic, one in _UNPACKERS.items() if start.startswith(magic)), None)
    try:
        block = (unpacker(file) if unpacker else file).read(tarfile.BLOCKSIZE)
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined] # an empty tar
        return True
    except _READ_ERRORS:
        return False
    finally:
        file.seek(0)
    return True


def read_sdist(
    file: BinaryIO, *, large: int = _LARGE_SIZE, longest: int = LONGEST_UNPACKED
) -> Iterator[Contents]:
    """Return the contents of a tar.gz, step by step. Raise `UnusableError` if it cannot be read.

    It has to be unpacked to its end. A file of *large* bytes or more that unpacks
    to more than *longest* bytes is reported as not read to the end; a smaller
    one is refused.
    """
    found = _Tar(packed=file.seek(0, io.SEEK_END))
    is_large = found.packed >= large
    file.seek(0)
    try:
        # Streaming mode never seeks: a member's data is unpacked only to skip it. The gzip reader
        # of tarfile would accept a truncated file and ignore further gzip members.
        with gzip.GzipFile(fileobj=file) as tar, tarfile.open(fileobj=tar, mode="r|") as archive:
            for so_far in _read_members(archive, found, longest):
                if is_large:
                    yield so_far
            found.end = suspicious_end(archive.fileobj)
        yield _complete_contents(found)
    except _TooLongError as error:
        if not is_large:
            raise UnusableError(str(error)) from error
    except UnusableError:
        raise
    except _READ_ERRORS as error:
        raise UnusableError(_DAMAGED) from error


def _read_members(archive: tarfile.TarFile, found: _Tar, longest: int) -> Iterator[Contents]:
    """Read each member, and return the contents so far whenever they change."""
    previous = None
    for member in archive:
        # The size of a member is known before its data is unpacked to reach the next one.
        found.unpacked += member.size
        if found.unpacked > longest:
            raise _TooLongError(f"File unpacks to more than {longest} bytes")
        _read_member(archive, member, found)
        so_far = _contents_so_far(found)
        if so_far != previous:
            previous = so_far
            yield so_far


def _contents_so_far(found: _Tar) -> Contents:
    nearest = next((path for path in found.pkg_info if path.count("/") == 1), "")
    problems = (invalid(found.encryption),) if found.encryption else ()
    root = posixpath.dirname(nearest)
    return Contents(found.pkg_info.get(nearest), problems, unread=(_NOT_READ_TO_END,), root=root)


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, found: _Tar) -> None:
    if len(found.names) == MOST_MEMBERS:
        raise UnusableError(f"File has more than {MOST_MEMBERS} members")
    if member.issparse():
        raise UnusableError(_SPARSE)
    found.names.append(member.name)
    if member.isfile():
        found.files[member.name] += 1
        _read_file(archive, member, found)
    elif member.issym() or member.islnk():
        found.links += [member.name] if _points_outside(member) else []
    elif not member.isdir():
        found.specials.append(member.name)


def _read_file(archive: tarfile.TarFile, member: tarfile.TarInfo, found: _Tar) -> None:
    if member.name.endswith(CODE_SUFFIXES) and member.size <= LONGEST_SEARCHED:
        content = _read(archive, member)
        found.encryption = found.encryption or find_encryption(content)
    elif posixpath.basename(member.name) == _PKG_INFO:
        too_long = member.size > LONGEST_METADATA
        _keep_pkg_info(member.name, None if too_long else _read(archive, member), found)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    return opened.read() if opened else b""


def _keep_pkg_info(path: str, content: bytes | None, found: _Tar) -> None:
    if _is_shallow(path, found):
        found.pkg_info = {path: content}
    if content is not None and is_egg_info(path) and len(found.egg_infos) < _MOST_EGG_INFOS:
        found.egg_infos[path] = content[:_HEAD]


def _is_shallow(path: str, found: _Tar) -> bool:
    """Return whether no PKG-INFO so far is nearer to the top: the sdist's own is the nearest."""
    return all(path.count("/") <= other.count("/") for other in found.pkg_info)


def _points_outside(member: tarfile.TarInfo) -> bool:
    """Return whether a link points outside the directory that the sdist unpacks to."""
    start = posixpath.dirname(member.name) if member.issym() else ""
    target = posixpath.normpath(posixpath.join(start, member.linkname))
    return target.split("/")[0] != member.name.split("/")[0]


def _complete_contents(found: _Tar) -> Contents:
    root = _top_directory(found.names)
    path = f"{root}/{_PKG_INFO}"
    if path in found.pkg_info and found.pkg_info[path] is None:
        raise UnusableError(f"{_PKG_INFO} is longer than {LONGEST_METADATA} bytes")
    core_metadata = found.pkg_info.get(path) if root else None
    return Contents(
        core_metadata,
        tuple(_problems(root, found)),
        suspicions=tuple(_suspicions(found, core_metadata)),
        root=root,
        members=frozenset(found.names),
    )


def _top_directory(names: list[str]) -> str:
    """Return the only top-level directory, or an empty text if there is none."""
    try:
        root = posixpath.commonpath(names)
    except ValueError:  # no names, or absolute ones among relative ones
        return ""
    return root if root not in {".", "/"} else ""


def _problems(root: str, found: _Tar) -> Iterator[str]:
    if not root:
        yield invalid(_DIRECTORIES)
    elif f"{root}/{_PKG_INFO}" not in found.pkg_info:
        yield invalid(f"{_PKG_INFO} not found at {root}/{_PKG_INFO}")
    if found.encryption:
        yield invalid(found.encryption)


def _suspicions(found: _Tar, core_metadata: bytes | None) -> Iterator[str]:
    if core_metadata is not None:
        yield from other_egg_infos(core_metadata, found.egg_infos)
        yield from filter(None, [encoding_problem(_PKG_INFO, core_metadata)])
    if repeated := [path for path, count in found.files.items() if count > 1]:
        yield f"Files are in the sdist more than once, and the last one counts: {some(repeated)}."
    if found.end is not None:
        yield found.end
    if found.unpacked > max(HARMLESS_SIZE, found.packed * HIGHEST_RATIO):
        yield (
            f"The sdist unpacks to {found.unpacked // 2**20} MiB, more than {HIGHEST_RATIO} times "
            "its size."
        )
    yield from suspicious_paths(found.names)
    if found.links:
        yield f"Links point outside the sdist: {some(found.links)}."
    if found.specials:
        yield f"These members are not files, directories or links: {some(found.specials)}."


def read_zipped_sdist(file: BinaryIO) -> Contents:
    """Return the contents of an sdist that is a zip, which PyPI checks before the filename."""
    with open_zip(file) as archive:
        names = archive.namelist()
        root = _top_directory(names)
        path = f"{root}/{_PKG_INFO}"
        content = _read_start(archive, path) if path in archive.NameToInfo else None
        found = _Tar(names, {} if content is None else {path: content})
        problems = [*_problems(root, found), *_frame_problem(archive, file)]
        suspicions = tuple(suspicious_paths(names))
        return Contents(
            content,
            tuple(problems),
            suspicions=suspicions,
            root=root,
            members=frozenset(names),
        )


def _read_start(archive: zipfile.ZipFile, path: str) -> bytes:
    with archive.open(path) as member:
        return member.read(LONGEST_METADATA)


def _frame_problem(archive: zipfile.ZipFile, file: BinaryIO) -> Iterator[str]:
    if reason := problem_with_frame(archive, file):
        yield invalid(reason)
