"""Contents of wheels."""

import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.parser import HeaderParser
from itertools import filterfalse
from typing import BinaryIO

from stageproxy.core.archives.contents import (
    LONGEST_METADATA,
    MOST_MEMBERS,
    PIECE,
    Contents,
    UnusableError,
    WheelFile,
    WheelProblem,
    invalid,
    some,
)
from stageproxy.core.archives.dist_info import (
    LONGEST_ENTRY_POINTS,
    LONGEST_RECORD,
    has_valid_entry_points,
    parse_record,
    record_suspicions,
)
from stageproxy.core.archives.encodings import encoding_problem
from stageproxy.core.archives.encrypted_code import CODE_SUFFIXES, LONGEST_SEARCHED, find_encryption
from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.members import suspicious_paths
from stageproxy.core.archives.other_releases import other_dist_infos
from stageproxy.core.archives.unpacking import Unpacking
from stageproxy.core.archives.zip_differences import differences_in
from stageproxy.core.archives.zips import problem_with_frame, problem_with_size

LONGEST_COMPARED = 512 * 2**20
"""The unpacked size up to which a wheel is compared with its RECORD, which takes a few seconds."""

_ENCRYPTED = 0x1
_FILE_TYPES = frozenset({0, stat.S_IFREG, stat.S_IFDIR})
"""Types of regular files and directories; 0 in zips that were not made on Unix."""

_UNPACK_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
_TEXTS: Mapping[str, int] = {
    "METADATA": LONGEST_METADATA,
    "WHEEL": PIECE,
    "RECORD": LONGEST_RECORD,
    "entry_points.txt": LONGEST_ENTRY_POINTS,
}
"""The text files in the `.dist-info` of a wheel, and how many bytes of each are read."""

_NOT_SEARCHED = "The wheel was not searched for encrypted code because that would take too long."
_NOT_COMPARED = "The files were not compared with RECORD because that would take too long."
_LONG_ENTRY_POINTS = (
    f"entry_points.txt was not read because it is longer than {LONGEST_ENTRY_POINTS} bytes."
)


@dataclass(slots=True)
class _Unpacked:
    """What is known of the members that were unpacked."""

    digests: dict[str, bytes] = field(default_factory=dict)
    encryption: str | None = None
    broken: set[str] = field(default_factory=set)
    slack: set[str] = field(default_factory=set)


def read_wheel(
    file: BinaryIO, name: DistributionName, *, longest: int = LONGEST_COMPARED
) -> Iterator[Contents]:
    """Return the contents of a wheel, step by step. Raise `UnusableError` if it cannot be read.

    A wheel that unpacks to more than *longest* bytes is not compared with its RECORD.
    """
    with open_zip(file) as archive:
        essential = _read_essential(archive, file, name)
        yield replace(essential, unread=(_NOT_SEARCHED, _NOT_COMPARED, *essential.unread))
        unpacked = _Unpacked()
        _unpack(archive, file, filter(_may_be_encrypted_code, archive.infolist()), unpacked)
        searched = replace(
            essential,
            problems=_with_encryption(essential.problems, unpacked.encryption),
            suspicions=tuple(_suspicions(archive, file, name)),
        )
        yield replace(searched, unread=(_NOT_COMPARED, *essential.unread))
        if sum(member.file_size for member in archive.infolist()) > longest:
            return
        _unpack(archive, file, filterfalse(_may_be_encrypted_code, archive.infolist()), unpacked)
        damage = _damage(archive, name, unpacked)
        yield replace(searched, suspicions=(*searched.suspicions, *damage))


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip. Raise `UnusableError` if unpacking it is dangerous."""
    packed = file.seek(0, io.SEEK_END)
    archive = zipfile.ZipFile(file)
    if len(archive.infolist()) > MOST_MEMBERS:
        raise UnusableError(f"File has more than {MOST_MEMBERS} members")
    if reason := problem_with_size(archive.infolist(), packed):
        raise UnusableError(reason)
    return archive


def _read_essential(archive: zipfile.ZipFile, file: BinaryIO, name: DistributionName) -> Contents:
    """Return what a few files with metadata tell, without unpacking the others."""
    entry_points = archive.NameToInfo.get(f"{name.root}/entry_points.txt")
    is_long = entry_points is not None and entry_points.file_size > LONGEST_ENTRY_POINTS
    return Contents(
        _find_member(archive, name.metadata_path, LONGEST_METADATA),
        tuple(_problems(archive, file, name)),
        tuple(_wheel_problems(archive, name, None if is_long else entry_points)),
        unread=(_LONG_ENTRY_POINTS,) if is_long else (),
        members=frozenset(archive.NameToInfo),
    )


def _unpack(
    archive: zipfile.ZipFile,
    file: BinaryIO,
    members: Iterable[zipfile.ZipInfo],
    found: _Unpacked,
) -> None:
    """Unpack members in chunks, and store only their digests."""
    for member in members:
        if member.is_dir():
            continue
        unpacking = Unpacking(archive, file, member)
        try:
            found.digests[member.filename] = _digest(unpacking, found)
        except _UNPACK_ERRORS:
            found.broken.add(member.filename)
        else:
            found.slack |= {member.filename} if unpacking.slack else set()


def _digest(unpacking: Unpacking, found: _Unpacked) -> bytes:
    digest = hashlib.sha256()
    searched = bytearray()
    is_searched = _may_be_encrypted_code(unpacking.member)
    for piece in unpacking.pieces():
        digest.update(piece)
        searched += piece if is_searched else b""
    found.encryption = found.encryption or find_encryption(searched)
    return digest.digest()


def _may_be_encrypted_code(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith(CODE_SUFFIXES) and member.file_size <= LONGEST_SEARCHED


def _problems(archive: zipfile.ZipFile, file: BinaryIO, name: DistributionName) -> Iterator[str]:
    path = f"{name.root}/WHEEL"
    if path not in archive.NameToInfo:
        yield invalid(f"WHEEL not found at {path}")
    if reason := problem_with_frame(archive, file):
        yield invalid(reason)


def _with_encryption(problems: tuple[str, ...], encryption: str | None) -> tuple[str, ...]:
    """Return the problems in PyPI's order: WHEEL, encrypted code, the structure of the zip."""
    found = () if encryption is None else (invalid(encryption),)
    start = [one for one in problems if "WHEEL not found" in one]
    return (*start, *found, *problems[len(start) :])


def _wheel_problems(
    archive: zipfile.ZipFile, name: DistributionName, entry_points: zipfile.ZipInfo | None
) -> Iterator[WheelProblem]:
    if _find_record(archive, name) is None:
        yield _missing(name, WheelFile.RECORD)
    if entry_points is not None and not has_valid_entry_points(archive.read(entry_points)):
        found = "has invalid entry points defined in the entry_points.txt file"
        yield WheelProblem(WheelFile.ENTRY_POINTS, f"Wheel '{name.filename}' {found}")
    if name.metadata_path not in archive.NameToInfo:
        yield _missing(name, WheelFile.METADATA)


def _missing(name: DistributionName, required: WheelFile) -> WheelProblem:
    path = f"{name.root}/{required}"
    found = f"does not contain the required {required} file: {path}"
    return WheelProblem(required, f"Wheel '{name.filename}' {found}")


def _find_record(archive: zipfile.ZipFile, name: DistributionName) -> Mapping[str, str] | None:
    content = _find_member(archive, f"{name.root}/RECORD", LONGEST_RECORD)
    try:
        return None if content is None else parse_record(content)
    except ValueError:
        return None


def _find_member(archive: zipfile.ZipFile, path: str, longest: int) -> bytes | None:
    """Return a member's bytes, `None` if it is missing. Raise `UnusableError` if it is too long."""
    member = archive.NameToInfo.get(path)
    if member is None:
        return None
    with archive.open(member) as content:
        found = content.read(longest + 1)
    if len(found) > longest:
        raise UnusableError(f"{path.rpartition('/')[2]} is longer than {longest} bytes")
    return found


def _suspicions(archive: zipfile.ZipFile, file: BinaryIO, name: DistributionName) -> Iterator[str]:
    members = archive.infolist()
    yield from other_dist_infos(archive.NameToInfo, name.root)
    yield from _encoding_problems(archive, name)
    yield from suspicious_paths([member.filename for member in members])
    if others := [one.filename for one in members if _type_of(one) not in _FILE_TYPES]:
        yield f"The wheel contains links or devices: {some(others)}."
    if encrypted := _encrypted_in(archive):
        yield f"Files are encrypted: {some(encrypted)}."
    yield from differences_in(archive, file)
    yield from _wheel_suspicions(_find_member(archive, f"{name.root}/WHEEL", PIECE), name)


def _encoding_problems(archive: zipfile.ZipFile, name: DistributionName) -> Iterator[str]:
    for filename, longest in _TEXTS.items():
        member = archive.NameToInfo.get(f"{name.root}/{filename}")
        if member is not None and member.file_size <= longest:
            yield from filter(None, [encoding_problem(filename, archive.read(member))])


def _type_of(member: zipfile.ZipInfo) -> int:
    return stat.S_IFMT(member.external_attr >> 16)


def _damage(archive: zipfile.ZipFile, name: DistributionName, unpacked: _Unpacked) -> Iterator[str]:
    """Compare the unpacked files with RECORD, unless some could not be unpacked."""
    if broken := unpacked.broken - _encrypted_in(archive):
        yield f"Files cannot be unpacked: {some(broken)}."
    if unpacked.slack:
        yield f"Files are packed with bytes that unpack to nothing: {some(unpacked.slack)}."
    record = _find_record(archive, name)
    if record is not None and not unpacked.broken:
        yield from record_suspicions(record, unpacked.digests, name.root)


def _encrypted_in(archive: zipfile.ZipFile) -> set[str]:
    return {one.filename for one in archive.infolist() if one.flag_bits & _ENCRYPTED}


def _wheel_suspicions(content: bytes | None, name: DistributionName) -> Iterator[str]:
    """Compare WHEEL with the filename: installers use one, people the other."""
    if content is None:
        return
    headers = HeaderParser().parsestr(content.decode(errors="replace"))
    if not headers.get("Wheel-Version", "").startswith("1."):
        yield f"WHEEL has Wheel-Version: {headers.get('Wheel-Version')!r}; installers support 1.0."
    tags = {str(tag).strip().lower() for tag in headers.get_all("Tag", [])}
    if tags != _tags_in(name) and {_sorted(tag) for tag in tags} != {_sorted(_tag_of(name))}:
        yield f"The tags in WHEEL do not match the filename: {some(tags) or 'none'}."


def _tag_of(name: DistributionName) -> str:
    return "-".join(name.filename.removesuffix(".whl").lower().split("-")[-3:])


def _tags_in(name: DistributionName) -> set[str]:
    pythons, abis, platforms = (part.split(".") for part in _tag_of(name).split("-"))
    return {f"{python}-{abi}-{plat}" for python in pythons for abi in abis for plat in platforms}


def _sorted(tag: str) -> str:
    """Return a compressed tag set with its tags sorted, as some tools write it into WHEEL.

    It is not expanded: a malicious one would stand for more tags than fit in memory.
    """
    return "-".join(".".join(sorted(part.split("."))) for part in tag.split("-"))
