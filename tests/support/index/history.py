"""The history of a fake index: every upload, and the views of its pages."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What the index did with an upload, whatever it answered."""

    BROKEN_OFF = "broken off"
    ACCEPTED = "accepted"
    SAME = "same"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(slots=True)
class Attempt:
    """One request to the upload API; *number* counts those for its file.

    *answer*: the status of the answer, or the fault in place of it, as soon as it happens. *place*:
    how many files were accepted including it; *begun*: how many uploads had begun then.
    """

    order: int
    at: str
    headers: Sequence[tuple[str, str]]
    filename: str | None = None
    number: int = 0
    fields: Sequence[tuple[str, str]] = ()
    size: int = 0
    sha256: str = ""
    outcome: Outcome = Outcome.BROKEN_OFF
    answer: str = ""
    place: int = 0
    begun: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """The listed files of a project at some time."""

    project: str
    filenames: tuple[str, ...]


@dataclass(slots=True)
class History:
    """All uploads in the order of their start, and all views that differ."""

    attempts: list[Attempt] = field(default_factory=list)
    views: list[View] = field(default_factory=list)

    def add_attempt(self, at: str, headers: Sequence[tuple[str, str]]) -> Attempt:
        """Add an upload that begins."""
        self.attempts.append(Attempt(len(self.attempts) + 1, at, headers))
        return self.attempts[-1]

    def set_filename(self, attempt: Attempt, filename: str | None) -> None:
        """Set the filename of an upload."""
        attempt.filename = filename
        attempt.number = 1 + sum(
            one.filename == filename for one in self.attempts if one is not attempt
        )

    def add_view(self, project: str, filenames: Collection[str]) -> None:
        """Add the view of a project, if it differs from the last one."""
        view = View(project, tuple(sorted(filenames)))
        before = [one for one in self.views if one.project == project]
        if before[-1:] != [view]:
            self.views.append(view)

    def accept(self, attempt: Attempt) -> None:
        """Record that a file was accepted."""
        attempt.outcome, attempt.place = Outcome.ACCEPTED, len(self.accepted) + 1
        attempt.begun = len(self.attempts)

    @property
    def accepted(self) -> list[str]:
        """Return the accepted files in order; one that was accepted twice occurs twice."""
        return [one.filename or "" for one in sorted(self.attempts, key=_place) if one.place]

    def count(self, outcome: Outcome) -> Mapping[str, int]:
        """Return how many uploads of each file had an outcome."""
        return Counter(one.filename or "" for one in self.attempts if one.outcome is outcome)

    def sdist_before(self, wheels: Collection[str]) -> list[View]:
        """Return the views with an sdist and without all *wheels* of its release."""
        return [
            view
            for view in self.views
            if not set(wheels) <= set(view.filenames)
            and any(not name.endswith(".whl") for name in view.filenames)
        ]

    def as_json(self) -> Mapping[str, Any]:
        """Return the history for another process."""
        return asdict(self)


def history_of(document: Mapping[str, Any]) -> History:
    """Return the history of a JSON document."""
    attempts = [
        Attempt(
            **{
                **one,
                "outcome": Outcome(one["outcome"]),
                "headers": _pairs(one["headers"]),
                "fields": _pairs(one["fields"]),
            }
        )
        for one in document["attempts"]
    ]
    views = [View(one["project"], tuple(one["filenames"])) for one in document["views"]]
    return History(attempts, views)


def _place(attempt: Attempt) -> int:
    return attempt.place


def _pairs(lists: Sequence[Sequence[str]]) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, value in lists]
