"""Edits of a document in place, which change nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """The replacement of a range of a document by the text *written*."""

    start: int
    end: int
    written: str


def insertion(at: int, written: str) -> Edit:
    """Return the edit that inserts text."""
    return Edit(at, at, written)


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Return the document after all *edits*; those at the same position keep their order."""
    pieces = []
    done = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        pieces += [text[done : edit.start], edit.written]
        done = edit.end
    return "".join([*pieces, text[done:]])
