"""Here is what was found in an archive."""

from collections.abc import Iterable
from dataclasses import dataclass, field

LONGEST_METADATA = 2 * 2**20
"""How many bytes of core metadata are read; PyPI's largest are a tenth of it."""

MOST_MEMBERS = 100_000
"""How many members of an archive are looked at."""

LONGEST_UNPACKED = 4 * 2**30
"""How far an sdist is unpacked, in memory and piece by piece."""

PIECE = 2**20
"""How much of a member is in memory at once."""

_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in an archive: its core metadata, and what is missing or broken.

    `problems` are what PyPI has against the archive as such, `wheel_problems`
    what it asks of a wheel's files: whole sentences, in the order in which it
    would find them. `suspicions` are what it accepts, but nobody should;
    `unread` says what was not looked at, as it would have taken too long.
    `root` is the one directory of an sdist; `members` are the paths in the
    archive, and nothing where that could not be read.
    """

    core_metadata: bytes | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()
    wheel_problems: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    root: str = ""
    members: frozenset[str] | None = field(default=None, repr=False)


class UnusableError(ValueError):
    """The archive cannot be looked into any further, and this is why."""


def invalid(reason: str) -> str:
    """Return PyPI's sentence for an archive that it does not take."""
    return f"Invalid distribution file. {reason}"


def some(names: Iterable[str]) -> str:
    """Return the first few of the *names*, as they can be printed."""
    ordered = sorted(names)
    more = len(ordered) - _MOST_SAID
    said = ", ".join(ascii(name) for name in ordered[:_MOST_SAID])
    return f"{said} and {more} more" if more > 0 else said
