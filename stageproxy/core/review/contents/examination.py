"""The texts of an archive, read for what their code can do, each content once."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from stageproxy.core.archives.reader import UNREADABLE
from stageproxy.core.archives.walking import walk
from stageproxy.core.review.contents.modules import (
    LONGEST_MODULE,
    FileFacts,
    read_module,
    read_text,
)
from stageproxy.core.review.summary import (
    ArchiveSummary,
    MemberKind,
    MemberSummary,
    ModuleSummary,
)

LONGEST_TEXT = 2**20
"""How many bytes a text may have that is read."""
MOST_KNOWN = 20_000
"""How many contents are remembered: more than the largest projects have modules."""

_TEXTS = frozenset({MemberKind.PYTHON, MemberKind.TEXT})
_SPECIAL = (".pth", "setup.py", "pyproject.toml")
_TOO_LONG = f"it is longer than {LONGEST_MODULE // 2**10} KiB"

See = Callable[[str, bytes], None]
"""Gets the comparable path and the content of each text that is read."""


@dataclass(slots=True)
class Analyses:
    """What is known of the contents that were read before: 60 wheels have the same modules."""

    known: dict[tuple[str, str], FileFacts] = field(default_factory=dict)

    def facts_of(self, member: MemberSummary, content: bytes) -> FileFacts:
        """Return what is to be known of a file."""
        special = next((one for one in _SPECIAL if member.path.endswith(one)), "")
        # A file is judged by its name, too, wherever it is.
        key = (member.sha256, member.path if special else member.kind)
        if key not in self.known:
            read = read_module if member.kind is MemberKind.PYTHON else read_text
            self.known[key] = read(member.path, content)
            if len(self.known) > MOST_KNOWN:
                del self.known[next(iter(self.known))]
        return self.known[key]


def texts_that_differ(before: ArchiveSummary | None, after: ArchiveSummary) -> frozenset[str]:
    """Return the paths of the texts of *after* whose content *before* does not have.

    A file that was only moved is none of them, unless it is another kind of file now.
    """
    others = () if before is None else before.members
    same = {(one.path, one.sha256) for one in others}
    moved = {(_suffix(one.path), one.sha256) for one in others}
    return frozenset(
        one.path
        for one in after.members
        if one.kind in _TEXTS
        and (one.path, one.sha256) not in same
        and (_suffix(one.path), one.sha256) not in moved
    )


def examine(
    file: BinaryIO,
    summary: ArchiveSummary,
    wanted: Collection[str],
    analyses: Analyses,
    see: See = lambda *_: None,
) -> ArchiveSummary:
    """Return the summary of an archive with what its *wanted* texts can do."""
    facts: dict[str, FileFacts] = {}
    not_read = summary.not_read
    try:
        for member, content in _wanted_texts(file, summary, wanted):
            facts[member.path] = analyses.facts_of(member, content)
            see(member.path, content)
    except UNREADABLE as error:
        not_read = not_read or str(error) or type(error).__name__
    return replace(
        summary,
        members=tuple(_with_signs(one, facts) for one in summary.members),
        modules=tuple(_modules(summary, wanted, facts)),
        not_read=not_read,
    )


def _wanted_texts(
    file: BinaryIO, summary: ArchiveSummary, wanted: Collection[str]
) -> Iterator[tuple[MemberSummary, bytes]]:
    members = {one.raw_path or one.path: one for one in summary.members if one.path in wanted}
    for found in walk(file, summary.filename):
        member = members.get(found.path)
        if member is None or found.link or found.size > LONGEST_TEXT:
            continue
        content = found.read(LONGEST_TEXT)
        # An archive can have a path twice: the summary is of the last file with it.
        if hashlib.sha256(content).hexdigest() == member.sha256:
            yield member, content


def _with_signs(member: MemberSummary, facts: Mapping[str, FileFacts]) -> MemberSummary:
    found = facts.get(member.path)
    return replace(member, signs=found.signs) if found and found.signs else member


def _modules(
    summary: ArchiveSummary, wanted: Collection[str], facts: Mapping[str, FileFacts]
) -> Iterator[ModuleSummary]:
    for one in summary.members:
        if one.path in wanted and one.kind is MemberKind.PYTHON:
            found = facts.get(one.path, FileFacts(not_read=_TOO_LONG))
            yield ModuleSummary(one.path, found.capabilities, found.threats, found.not_read)


def _suffix(path: str) -> str:
    if path.endswith(_SPECIAL):
        return path  # It does something only at its place.
    return path.rpartition(".")[2] if "." in path else path
