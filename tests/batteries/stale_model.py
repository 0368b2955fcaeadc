"""What a reader may see while stages and upstream change, in plain Python."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")

File = tuple[str, str]
"""The name and the SHA-256 of a file."""
Files = frozenset[File]


@dataclass(slots=True)
class Span(Generic[T]):
    """A value, and from when to when a reader may see it."""

    value: T
    since: float
    until: float = inf


@dataclass(slots=True)
class Timeline(Generic[T]):
    """The values of something, one after the other.

    A value may be seen from the request for its change on, until a later one is acknowledged. A
    reader that overlaps a change may see either.
    """

    spans: list[Span[T]] = field(default_factory=list)

    @classmethod
    def of(cls, value: T) -> "Timeline[T]":
        """Return the timeline of something that has not changed yet."""
        return cls([Span(value, -inf)])

    @property
    def last(self) -> T:
        """The value that was requested last."""
        return self.spans[-1].value

    def begin(self, value: T, at: float) -> Span[T]:
        """Add a value that was requested at a time."""
        self.spans.append(Span(value, at))
        return self.spans[-1]

    def acknowledge(self, span: Span[T], at: float) -> None:
        """End all values before a *span*: who begins to read after that time sees none of them."""
        for one in self.spans[: self.spans.index(span)]:
            one.until = min(one.until, at)

    def possible(self, start: float, end: float) -> list[T]:
        """Return the values that a read from *start* to *end* may show."""
        found = []
        for one in reversed(self.spans):
            if one.until < start:
                break
            if one.since <= end:
                found.append(one.value)
        return found


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of a project on the index: those that are listed, and those that may be."""

    certain: Files
    possible: Files


@dataclass(frozen=True, slots=True)
class StageState:
    """A stage at one moment; *url* is the number of its stage URL, which rotations raise."""

    status: str = "open"
    files: Files = frozenset()
    url: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What was read: a document, by which URL of the stage, and for files which of them.

    *sha256* is the digest of the body that this file, or its metadata, has to have.
    """

    document: str
    url: int
    file: File = ("", "")
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer shows: its status, its files, the status of the stage, and when it expires."""

    status: int
    files: Files | None = None
    said: str = ""
    expires_at: datetime | None = field(default=None, compare=False)


def may_be_seen(seen: Seen, question: Question, state: StageState, listed: Listed) -> bool:
    """Return whether an answer is right for a stage and an index in these states."""
    if state.status == "canceled" or question.url != state.url:
        return seen.status == 410
    match question.document:
        case "page" | "page as HTML" | "project":
            return seen.status == 200 and _is_between(
                seen.files, listed.certain | state.files, listed.possible | state.files
            )
        case "other":
            return seen.status == 200 and _is_between(seen.files, listed.certain, listed.possible)
        case "only":
            return seen == (Seen(200, state.files) if state.files else Seen(404))
        case "stage":
            return seen == Seen(200, state.files, state.status)
        case _:
            return _file_may_be_seen(seen, question, state)


def _file_may_be_seen(seen: Seen, question: Question, state: StageState) -> bool:
    """Return whether the answer to a file, or to its metadata, is right."""
    if question.file not in state.files:
        return seen.status == 410
    if state.status == "published":
        return seen.status == 307
    return seen == Seen(200, frozenset({question.file}))


def _is_between(files: Files | None, least: Files, most: Files) -> bool:
    return files is not None and least <= files <= most


def violation(
    seen: Seen, question: Question, states: Collection[StageState], indexes: Collection[Listed]
) -> str:
    """Return what is wrong with an answer that may be about any of these states, or nothing."""
    if any(may_be_seen(seen, question, state, one) for state in states for one in indexes):
        return ""
    expected = " or ".join(
        f"{one.status}, URL {one.url}, {sorted(name for name, _ in one.files)}" for one in states
    )
    names = sorted(name for name, _ in seen.files or ())
    return f"{question.document} by URL {question.url} was {seen.status} {names}; it is {expected}"
