"""The journal of a promotion: the progress of each artifact."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from stageproxy.core.promotion.replies import Accepted, Refused, Reply, Unanswered


class Progress(StrEnum):
    """The progress of an artifact. Only a file that the index lists with our hash is confirmed."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


MAY_BE_PUBLISHED = frozenset(
    {Progress.SENDING, Progress.SENT, Progress.CONFIRMED, Progress.UNKNOWN}
)
"""The states in which the file may be published."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The progress of one artifact.

    `in_doubt`: an attempt had no answer, so the index may have accepted the file
    even if it refused a later attempt. `sentence` is the index's last answer, and
    `url` is where the index lists the file. `has_query`: the index's link has a query
    behind it. That may be a signature, which is a secret and expires, so it is not kept.
    """

    filename: str
    progress: Progress
    changed_at: datetime
    attempts: int = 0
    in_doubt: bool = False
    sentence: str = ""
    url: str = field(default="")
    has_query: bool = False

    @property
    def may_be_published(self) -> bool:
        """Whether the file may be published."""
        return self.in_doubt or self.progress in MAY_BE_PUBLISHED

    @property
    def is_in_doubt(self) -> bool:
        """Whether the file may be published, and the index has not listed it."""
        return self.may_be_published and self.progress is not Progress.CONFIRMED

    def is_followed_by(self, later: "Entry") -> bool:
        """Return whether *later* can follow this entry.

        A confirmed file stays confirmed. A file that may be published can only stop
        being so if its first attempt was interrupted, or if it is finally refused.
        """
        if self.progress is Progress.CONFIRMED:
            return later.progress is Progress.CONFIRMED
        was_begun = self.progress is Progress.SENDING and not self.in_doubt
        is_refused = self.progress is later.progress is Progress.REFUSED
        return was_begun or is_refused or later.may_be_published or not self.may_be_published

    def begins(self, later: "Entry") -> bool:
        """Return whether *later* begins another attempt to send the file."""
        return later.progress is Progress.SENDING and later.attempts != self.attempts

    def sending(self, now: datetime) -> "Entry":
        """Return the entry of an artifact that is about to be sent."""
        return replace(self, progress=Progress.SENDING, attempts=self.attempts + 1, changed_at=now)

    def answered(self, reply: Reply, now: datetime) -> "Entry":
        """Return the entry after an attempt, with or without an answer."""
        match reply:
            case Accepted():
                return replace(
                    self, progress=Progress.SENT, sentence=reply.sentence, changed_at=now
                )
            case Refused():
                return replace(
                    self, progress=Progress.REFUSED, sentence=reply.sentence, changed_at=now
                )
            case Unanswered():
                return replace(self._as_unknown(now), sentence=reply.sentence)

    def interrupted(self, now: datetime) -> "Entry":
        """Return the entry after an attempt that was interrupted before the file was complete."""
        progress = Progress.UNKNOWN if self.in_doubt else Progress.PENDING
        return replace(self, progress=progress, changed_at=now)

    def refused_in_doubt(self, now: datetime) -> "Entry":
        """Return the entry as refused, still in doubt, if the index does not have the file."""
        if self.progress is Progress.REFUSED:
            return self
        return replace(self, progress=Progress.REFUSED, in_doubt=True, changed_at=now)

    def settled(self) -> "Entry":
        """Return the entry of a refused file without the doubt, once the index would list it."""
        return replace(self, in_doubt=False)

    def confirmed(self, url: str, now: datetime) -> "Entry":
        """Return the entry of a file that the index lists with our bytes at *url*."""
        return _at(url, replace(self, progress=Progress.CONFIRMED, changed_at=now))

    def reported(self, now: datetime) -> "Entry":
        """Return the entry as it is stored when a client reports it."""
        return _at(self.url, replace(self, changed_at=now))

    def resumed(self, now: datetime) -> "Entry":
        """Return the entry with which a resumed promotion starts.

        A file that was being sent may have arrived. A refused file is sent again,
        since the cause may have been fixed.
        """
        match self.progress:
            case Progress.SENDING | Progress.UNKNOWN:
                return self._as_unknown(now)
            case Progress.REFUSED:
                return replace(self, progress=Progress.PENDING, changed_at=now)
            case Progress.SENT:
                return replace(self, changed_at=now)
            case Progress.PENDING | Progress.CONFIRMED:
                return self

    def unconfirmed(self, now: datetime) -> "Entry":
        """Return the entry without a confirmation that only another client has reported."""
        if self.progress is not Progress.CONFIRMED:
            return self
        return _at("", replace(self, progress=Progress.SENT, changed_at=now))

    def _as_unknown(self, now: datetime) -> "Entry":
        return replace(self, progress=Progress.UNKNOWN, in_doubt=True, changed_at=now)


Journal = Mapping[str, Entry]
"""Entries by filename."""

_WHY_FINAL: Mapping[Progress, str] = {
    Progress.CONFIRMED: "is published",
    Progress.SENT: "was accepted by the index",
}
_UNANSWERED = "may be published, because the index has not answered"


def new_journal(filenames: Iterable[str], now: datetime) -> Journal:
    """Return the journal of a promotion that has sent nothing."""
    return {name: Entry(name, Progress.PENDING, now) for name in filenames}


def anything_may_be_published(journal: Journal) -> bool:
    """Return whether any file of the release may be published."""
    return any(entry.may_be_published for entry in journal.values())


def _at(url: str, entry: Entry) -> Entry:
    """Return the entry of a file at *url*, of which no secret is kept."""
    return replace(entry, url=_without_secrets(url), has_query="?" in url.partition("#")[0])


def _without_secrets(url: str) -> str:
    """Return a URL without user, query and fragment."""
    bare = url.partition("#")[0].partition("?")[0]
    scheme, separator, rest = bare.partition("://")
    if not separator:
        return bare
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def final_files(journal: Journal) -> Mapping[str, str]:
    """Return why each file that may be published cannot be changed any more."""
    return {
        name: _WHY_FINAL.get(entry.progress, _UNANSWERED)
        for name, entry in journal.items()
        if entry.may_be_published
    }


def is_anything_being_sent(journal: Journal) -> bool:
    """Return whether any file is being sent, as far as its publisher has reported."""
    return any(entry.progress is Progress.SENDING for entry in journal.values())


def confirmed_in(journal: Journal) -> list[Entry]:
    """Return the confirmed entries, sorted by filename."""
    confirmed = (entry for entry in journal.values() if entry.progress is Progress.CONFIRMED)
    return sorted(confirmed, key=lambda entry: entry.filename)
