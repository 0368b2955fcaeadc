"""Findings about an upload, and their levels."""

from dataclasses import dataclass
from enum import StrEnum


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
    `docs/`, in its documentation.
    """

    source: str
    message: str
    level: Level = Level.REFUSE
    page: str = ""


def suspicious(message: str, source: str = "content") -> Finding:
    """Return a finding about something suspicious that PyPI accepts."""
    return Finding(source, message, Level.WARN)


def note(message: str, source: str = "content") -> Finding:
    """Return a finding about something that is good to know and needs no acknowledgement."""
    return Finding(source, message, Level.NOTE)


def not_known(message: str, source: str = "content") -> Finding:
    """Return a finding about something that only PyPI can check."""
    return Finding(source, message, Level.UNKNOWN)


def finding_json(finding: Finding) -> dict[str, str]:
    """Return a finding as JSON."""
    return {
        "level": finding.level.value,
        "source": finding.source,
        "message": finding.message,
    }
