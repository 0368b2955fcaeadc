"""The objects of a bucket: each put of a file is a generation, whose name is never used again.

So a late put or a late delete hurts nothing: it is of a name that nothing else has.
"""

import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

_KEPT = "kept"
KEY = re.compile(rf"{_KEPT}/([0-9a-f]{{2}})/\1[0-9a-f]{{62}}/[0-9]{{13,}}-[0-9a-f]{{16}}")
"""What the names of generations look like."""


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """One put of a file. They are ordered by the names of their objects, which never change."""

    key: str
    size: int
    stored_at: datetime

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file."""
        return self.key.split("/")[2]


def folder_of(sha256: str) -> str:
    """Return the prefix that the generations of a file share."""
    return f"{_KEPT}/{sha256[:2]}/{sha256}"


def folder_with(prefix: str) -> str:
    """Return the longest folder that holds all files whose digests have a prefix."""
    return f"{_KEPT}/{prefix[:2]}" if len(prefix) > 1 else _KEPT


def new_key(sha256: str, now: datetime) -> str:
    """Return the name of a new generation. It sorts by its time, as all of a file do."""
    return f"{folder_of(sha256)}/{int(now.timestamp() * 1000):013d}-{secrets.token_hex(8)}"


def list_unneeded(
    generations: Collection[Generation], known: Collection[str], before: datetime
) -> Sequence[Generation]:
    """Return the generations that may be deleted: older than *before*, and not needed.

    The last generation of a *known* file is needed. Whoever lists them at any time, and however
    many do at once, never deletes the last one.
    """
    found = groupby(sorted(generations), key=lambda one: one.sha256)
    return [
        one
        for sha256, of_file in found
        for one in _replaceable([*of_file], is_known=sha256 in known)
        if one.stored_at < before
    ]


def _replaceable(of_file: Sequence[Generation], *, is_known: bool) -> Iterator[Generation]:
    yield from of_file[:-1] if is_known else of_file
