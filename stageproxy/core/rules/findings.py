"""Findings about an upload or a release, their levels, and lists of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from stageproxy.core.wording import first_few, without_controls


class Level(StrEnum):
    """The severity of a finding, the gravest first.

    PyPI refuses the file; PyPI accepts it, but it is suspicious, and a promotion
    wants that acknowledged; good to know, and nothing to acknowledge; only PyPI can
    check it.
    """

    REFUSE = "refuse"
    WARN = "warn"
    NOTE = "note"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. *source* is the form field, or `content` for the file.

    *page* is the page on which PyPI explains it: a path on its site or, after
    `docs/`, in its documentation. The message is printable, even if it quotes a file:
    it could otherwise hide other lines on a terminal.
    """

    source: str
    message: str
    level: Level = Level.REFUSE
    page: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_controls(self.message))


def suspicious(message: str, source: str = "content") -> Finding:
    """Return a finding about something suspicious that PyPI accepts."""
    return Finding(source, message, Level.WARN)


def note(message: str, source: str = "content") -> Finding:
    """Return a finding about something that is good to know and needs no acknowledgement."""
    return Finding(source, message, Level.NOTE)


def not_known(message: str, source: str = "content") -> Finding:
    """Return a finding about something that only PyPI can check."""
    return Finding(source, message, Level.UNKNOWN)


RELEASE = ""
"""The key of findings on a release as a whole, where findings are listed by filename."""

FindingsByFile = Mapping[str, Sequence[Finding]]
"""The findings on a release, by filename and under `RELEASE`."""

HEADINGS: Mapping[Level, str] = {
    Level.REFUSE: "Reasons to refuse",
    Level.WARN: "Warnings to acknowledge",
    Level.NOTE: "Notes",
    Level.UNKNOWN: "Could not be checked",
}
"""What people read above the findings of each level."""

PYPI = "PyPI"
_PYPI = re.compile(rf"\b{PYPI}\b")
_MOST_NAMES = 3


def naming(finding: Finding, index: str) -> Finding:
    """Return a finding that names the *index* instead of PyPI, whose rules it is about."""
    return replace(finding, message=_PYPI.sub(lambda _: index, finding.message))


def in_order(findings: FindingsByFile) -> list[tuple[str, Finding]]:
    """Return findings, the gravest first, each with the file that it is about."""
    levels = list(Level)
    listed = [(filename, one) for filename, found in findings.items() for one in found]
    return sorted(listed, key=lambda one: levels.index(one[1].level))


def texts_by_level(listed: Iterable[tuple[str, Finding]]) -> Mapping[Level, Sequence[str]]:
    """Return each message once, by level, after the names of the files that it is about."""
    files: dict[Level, dict[str, list[str]]] = {level: {} for level in Level}
    for filename, finding in listed:
        names = files[finding.level].setdefault(finding.message, [])
        names.extend(filter(None, [filename]))
    return {
        level: [_text(message, names) for message, names in messages.items()]
        for level, messages in files.items()
        if messages
    }


def _text(message: str, names: Sequence[str]) -> str:
    named = first_few(names, _MOST_NAMES)
    return f"{named}: {message}" if named else message


def findings_json(findings: FindingsByFile) -> list[dict[str, str | None]]:
    """Return a list of findings as JSON, the gravest first; `file` is null for the release."""
    return [{"file": filename or None, **finding_json(one)} for filename, one in in_order(findings)]


def finding_json(finding: Finding) -> dict[str, str]:
    """Return a finding as JSON."""
    return {
        "level": finding.level.value,
        "source": finding.source,
        "message": finding.message,
    }


def finding_in(document: Mapping[str, str]) -> Finding:
    """Return the finding of a JSON object. A source that is missing is the file."""
    source = document.get("source", "content")
    return Finding(source, document["message"], Level(document["level"]))
