"""Here is what is said of an upload: what PyPI refuses, and what a person must see."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How grave a finding is: PyPI refuses; PyPI accepts, but it is suspicious; nobody can tell."""

    REFUSE = "refuse"
    WARN = "warn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about an upload; *source* is the form field or the file it is found in.

    *page* is where PyPI explains it, below the root of its site or, behind
    `docs/`, of its manual.
    """

    source: str
    message: str
    level: Level = Level.REFUSE
    page: str = ""


def suspicious(message: str, source: str = "content") -> Finding:
    """Return a finding about something that PyPI accepts, and nobody should."""
    return Finding(source, message, Level.WARN)


def not_known(message: str, source: str = "content") -> Finding:
    """Return a finding about something that cannot be told from outside PyPI."""
    return Finding(source, message, Level.UNKNOWN)


def finding_json(finding: Finding) -> dict[str, str]:
    """Return a finding as programs read it."""
    return {
        "level": finding.level.value,
        "source": finding.source,
        "message": finding.message,
    }
