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
    """One thing about an upload; *source* is the form field or the file it is found in."""

    source: str
    message: str
    level: Level = Level.REFUSE
