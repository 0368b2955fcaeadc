"""The contents of an archive as far as they were read, and the limits of reading."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from stageproxy.core.wording import first_few

LONGEST_METADATA = 2 * 2**20
"""How many bytes of core metadata are read: ten times the largest on PyPI."""

MOST_MEMBERS = 100_000
"""How many members an archive may have."""

LONGEST_UNPACKED = 4 * 2**30
"""How many bytes of an sdist are unpacked, in memory and in chunks."""

PIECE = 2**20
"""How many bytes of a member are in memory at once."""

_MOST_NAMED = 3


class WheelFile(StrEnum):
    """A file of a wheel for which PyPI may refuse the wheel. Each has a rule in `core.rules`."""

    RECORD = "RECORD"
    ENTRY_POINTS = "entry_points.txt"
    METADATA = "METADATA"


@dataclass(frozen=True, slots=True)
class WheelProblem:
    """PyPI's sentence on a file of a wheel."""

    file: WheelFile
    sentence: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The core metadata of an archive, its paths, and what is wrong with it.

    `problems` are PyPI's reasons to refuse the archive as such: sentences, in the
    order of PyPI's checks. `wheel_problems` are those to refuse a wheel for one of
    its files. `suspicions` are sentences on what PyPI accepts but
    users should know; `unread` are sentences on checks that would take too long.
    `root` is the top-level directory of an sdist. `members` are the paths in the
    archive, `None` if it could not be read.
    """

    core_metadata: bytes | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()
    wheel_problems: tuple[WheelProblem, ...] = ()
    suspicions: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    root: str = ""
    members: frozenset[str] | None = field(default=None, repr=False)


class UnusableError(ValueError):
    """The archive cannot be read any further; the message is PyPI's reason or ours."""


def invalid(reason: str) -> str:
    """Return PyPI's sentence on an archive that it refuses."""
    return f"Invalid distribution file. {reason}"


def some(names: Iterable[str]) -> str:
    """Return the first few of the *names*, in printable ASCII."""
    return first_few([ascii(name) for name in sorted(names)], _MOST_NAMED)
