"""The summary of an artifact: its files by their digests, and its metadata."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from typing import BinaryIO

from stageproxy.core.archives.binaries import is_compiled, is_library
from stageproxy.core.archives.contents import LONGEST_METADATA
from stageproxy.core.archives.dist_info import (
    LONGEST_ENTRY_POINTS,
    LONGEST_RECORD,
    entry_points_in,
    parse_record,
)
from stageproxy.core.archives.filenames import WHEEL_SUFFIX
from stageproxy.core.archives.reader import UNREADABLE
from stageproxy.core.archives.walking import ArchiveFile, walk
from stageproxy.core.review.contents.metadata_lines import MetadataLines, read_metadata_lines
from stageproxy.core.review.contents.paths import LONGEST_PATH, comparable_path
from stageproxy.core.review.summary import ArchiveSummary, MemberKind, MemberSummary

_READ_IN_WHEEL: Mapping[str, int] = {
    "METADATA": LONGEST_METADATA,
    "RECORD": LONGEST_RECORD,
    "entry_points.txt": LONGEST_ENTRY_POINTS,
}
_EXEMPT_FROM_RECORD = ("RECORD", "RECORD.jws", "RECORD.p7s")
_PYTHON = (".py", ".pyw")
_SHEBANG = b"#!"
_INSTALLED_AS_CODE = ("purelib", "platlib")
_LONGEST_REASON = 300


@dataclass(slots=True)
class _Found:
    """What was read so far. `texts` are the contents of a few files with metadata, by name.

    `paths` are the comparable paths by those in the archive, `taken` the same, and `alike` how many
    would have had the same.
    """

    members: dict[str, MemberSummary] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    alike: Counter[str] = field(default_factory=Counter)
    links: dict[str, str] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    not_read: str = ""


def summary_of(file: BinaryIO, filename: str) -> ArchiveSummary:
    """Return the summary of an archive, or of what could be read of it. Modules are not read."""
    found = _Found()
    try:
        for member in walk(file, filename):
            if member.link:
                _add_link(member, filename, found)
            else:
                _add(member, filename, found)
    except UNREADABLE as error:
        found.not_read = (str(error) or type(error).__name__)[:_LONGEST_REASON]
    return _summary(filename, found)


def _add(member: ArchiveFile, filename: str, found: _Found) -> None:
    path = _own_path(member.path, filename, found)
    text = _name_of_text(path, filename)
    digest, start, kept = hashlib.sha256(), b"", bytearray()
    for piece in member.pieces():
        digest.update(piece)
        start = start or piece[:8192]
        if text and len(kept) <= _READ_IN_WHEEL.get(text, LONGEST_METADATA):
            kept += piece
    if text:
        found.texts[text] = bytes(kept)
    raw_path = "" if path == member.path else member.path
    kind = _kind_of(member.path, start)
    found.members[path] = MemberSummary(path, kind, member.size, digest.hexdigest(), raw_path)


def _add_link(member: ArchiveFile, filename: str, found: _Found) -> None:
    """Note a link, which takes the place of a file with its path."""
    path = _own_path(member.path, filename, found)
    found.members.pop(path, None)
    found.links[path] = member.link


def _own_path(raw_path: str, filename: str, found: _Found) -> str:
    """Return the comparable path of a file, or another one if that is the path of another file.

    Otherwise one file could hide another one: `a.libs/b-0123abcd.so` and `a.libs/b-89abcdef.so`.
    """
    if raw_path not in found.paths:
        path = comparable_path(raw_path, filename)
        numbered = (f"#{number}/{path}" for number in count(found.alike[path] + 1))
        free = (
            one
            for one in chain((path, raw_path[:LONGEST_PATH]), numbered)
            if one not in found.taken
        )
        found.paths[raw_path] = next(free)
        found.taken.add(found.paths[raw_path])
        found.alike[path] += 1
    return found.paths[raw_path]


def _name_of_text(path: str, filename: str) -> str:
    """Return the name of a file with metadata that is read as a whole, empty for others."""
    folder, _, name = path.rpartition("/")
    if filename.endswith(WHEEL_SUFFIX):
        is_own = folder == f"{filename.partition('-')[0]}-*.dist-info"
        return name if is_own and name in _READ_IN_WHEEL else ""
    if path == "PKG-INFO" or (name == "entry_points.txt" and folder.endswith(".egg-info")):
        return name
    return ""


def _kind_of(path: str, start: bytes) -> MemberKind:
    if is_compiled(start):
        return MemberKind.EXTENSION if is_library(path, start) else MemberKind.EXECUTABLE
    if path.endswith(_PYTHON):
        return MemberKind.PYTHON
    if b"\0" in start:
        return MemberKind.BINARY
    first_line = start.partition(b"\n")[0]
    if first_line.startswith(_SHEBANG) and b"python" in first_line:
        return MemberKind.PYTHON
    return MemberKind.TEXT if _is_text(start) else MemberKind.BINARY


def _is_text(start: bytes) -> bool:
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return len(start) - error.start < 4  # noqa: PLR2004 - a character that the start cuts
    return True


def _summary(filename: str, found: _Found) -> ArchiveSummary:
    is_wheel = filename.endswith(WHEEL_SUFFIX)
    metadata = found.texts.get("METADATA" if is_wheel else "PKG-INFO")
    lines = MetadataLines() if metadata is None else read_metadata_lines(metadata)
    members = found.members
    if is_wheel and "RECORD" in found.texts:
        members = dict(_with_record(members, found.texts["RECORD"]))
    return ArchiveSummary(
        filename,
        tuple(members.values()),
        metadata=lines.fields,
        description=lines.description,
        entry_points=entry_points_in(found.texts.get("entry_points.txt", b"")),
        top_level=tuple(sorted(_top_level(members))) if is_wheel else (),
        not_read=found.not_read,
        links=tuple(found.links.items()),
    )


def _with_record(
    members: Mapping[str, MemberSummary], record: bytes
) -> Iterator[tuple[str, MemberSummary]]:
    """Yield the members, each with whether RECORD lists it; all, if RECORD cannot be read."""
    try:
        listed = parse_record(record).keys()
    except ValueError:
        listed = None
    for path, one in members.items():
        raw = one.raw_path or path
        folder, _, name = path.rpartition("/")
        is_exempt = name in _EXEMPT_FROM_RECORD and folder.endswith(".dist-info")
        in_record = listed is None or is_exempt or raw in listed
        yield path, one if in_record else _outside(one)


def _outside(one: MemberSummary) -> MemberSummary:
    return MemberSummary(one.path, one.kind, one.size, one.sha256, one.raw_path, in_record=False)


def _top_level(members: Mapping[str, MemberSummary]) -> set[str]:
    """Return the names that a wheel makes importable: packages, modules, extensions."""
    found = set()
    for path, one in members.items():
        if one.kind not in {MemberKind.PYTHON, MemberKind.EXTENSION}:
            continue
        parts = path.split("/")
        if parts[0].endswith(".data") and len(parts) > 2:  # noqa: PLR2004 - demo-*.data/purelib/
            parts = parts[2:] if parts[1] in _INSTALLED_AS_CODE else [""]
        if parts[0].endswith((".libs", ".dist-info")):
            continue
        found.add(parts[0] if len(parts) > 1 else parts[0].partition(".")[0])
    return found - {""}
