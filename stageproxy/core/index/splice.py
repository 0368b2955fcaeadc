"""Here is how a document is edited in place: everything that is not touched stays as it is."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Text *written* in place of what stands between two characters of a document."""

    start: int
    end: int
    written: str


def insertion(at: int, written: str) -> Edit:
    """Return the edit that takes nothing away."""
    return Edit(at, at, written)


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Return the document with all *edits* made; those at one place in the order given."""
    pieces = []
    done = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        pieces += [text[done : edit.start], edit.written]
        done = edit.end
    return "".join([*pieces, text[done:]])
