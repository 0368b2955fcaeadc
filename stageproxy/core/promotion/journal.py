"""Here is what is known of each artifact while a stage is published: its entry in the journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from stageproxy.core.promotion.replies import Accepted, Refused, Reply, Unanswered


class Progress(StrEnum):
    """How far an artifact is. Only what the index shows with our hash is confirmed."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


MAY_BE_OUT = frozenset({Progress.SENDING, Progress.SENT, Progress.CONFIRMED, Progress.UNKNOWN})
"""The states in which users may see the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How far one artifact is.

    `in_doubt`: an attempt had no answer, so that the index may have taken the
    file, whatever it said to a later one. `said` is what the index answered
    last, and `url` is where it was seen to have the file.
    """

    filename: str
    progress: Progress
    changed_at: datetime
    attempts: int = 0
    in_doubt: bool = False
    said: str = ""
    url: str = field(default="")

    @property
    def may_be_out(self) -> bool:
        """Say whether users may see the file."""
        return self.in_doubt or self.progress in MAY_BE_OUT

    def is_followed_by(self, later: "Entry") -> bool:
        """Say whether the same artifact can be as in *later* after this.

        What is confirmed stays so, and what may be out cannot be nowhere again,
        unless it was sent for the first time and broken off, or is refused for good.
        """
        if self.progress is Progress.CONFIRMED:
            return later.progress is Progress.CONFIRMED
        was_begun = self.progress is Progress.SENDING and not self.in_doubt
        is_refused = self.progress is later.progress is Progress.REFUSED
        return was_begun or is_refused or later.may_be_out or not self.may_be_out

    def sending(self, now: datetime) -> "Entry":
        """Return the entry before the first byte is sent."""
        return replace(self, progress=Progress.SENDING, attempts=self.attempts + 1, changed_at=now)

    def answered(self, reply: Reply, now: datetime) -> "Entry":
        """Return the entry after the index has answered, or has not."""
        match reply:
            case Accepted():
                return replace(self, progress=Progress.SENT, said=reply.sentence, changed_at=now)
            case Refused():
                return replace(self, progress=Progress.REFUSED, said=reply.sentence, changed_at=now)
            case Unanswered():
                return replace(self._doubted(now), said=reply.sentence)

    def withheld(self, now: datetime) -> "Entry":
        """Return the entry after an attempt that was broken off before the file was whole."""
        progress = Progress.UNKNOWN if self.in_doubt else Progress.PENDING
        return replace(self, progress=progress, changed_at=now)

    def denied(self, now: datetime) -> "Entry":
        """Return the entry once it shows that the index cannot have the file, but for the doubt."""
        if self.progress is Progress.REFUSED:
            return self
        return replace(self, progress=Progress.REFUSED, in_doubt=True, changed_at=now)

    def settled(self) -> "Entry":
        """Return the entry of a refused file once the index would show it if it had it."""
        return replace(self, in_doubt=False)

    def confirmed(self, url: str, now: datetime) -> "Entry":
        """Return the entry once the index shows our very bytes, at *url*."""
        return replace(self, progress=Progress.CONFIRMED, url=url, changed_at=now)

    def resumed(self, now: datetime) -> "Entry":
        """Return the entry as whoever goes on finds it.

        What was being sent may have arrived. What was refused is tried again:
        somebody has mended what was wrong, or wants to know whether.
        """
        match self.progress:
            case Progress.SENDING | Progress.UNKNOWN:
                return self._doubted(now)
            case Progress.REFUSED:
                return replace(self, progress=Progress.PENDING, changed_at=now)
            case Progress.SENT:
                return replace(self, changed_at=now)
            case Progress.PENDING | Progress.CONFIRMED:
                return self

    def unseen(self, now: datetime) -> "Entry":
        """Return the entry as whoever goes on takes it who has only heard that the file is out."""
        if self.progress is not Progress.CONFIRMED:
            return self
        return replace(self, progress=Progress.SENT, url="", changed_at=now)

    def _doubted(self, now: datetime) -> "Entry":
        return replace(self, progress=Progress.UNKNOWN, in_doubt=True, changed_at=now)


Journal = Mapping[str, Entry]
"""The entries by filename."""


def new_journal(filenames: Iterable[str], now: datetime) -> Journal:
    """Return the journal of a promotion that has not sent anything."""
    return {name: Entry(name, Progress.PENDING, now) for name in filenames}


def anything_may_be_out(journal: Journal) -> bool:
    """Say whether users may see anything of the release."""
    return any(entry.may_be_out for entry in journal.values())


def confirmed_in(journal: Journal) -> list[Entry]:
    """Return the entries of what is out for certain, by filename."""
    out = (entry for entry in journal.values() if entry.progress is Progress.CONFIRMED)
    return sorted(out, key=lambda entry: entry.filename)
