"""Here is a promotion: what was approved, and who alone may carry it out, until when.

Whoever publishes holds a lease. Each new holder gets a higher number, the
fence: what comes late from a former holder has a lower one and is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.journal import Entry

LEASE = timedelta(minutes=15)
"""How long a promotion may be silent before somebody else may go on with it."""

CLOSES_AFTER = timedelta(days=14)
"""PyPI takes files for a release for so long after the first one, and none later."""

_DAYS_UNTIL_DAILY = timedelta(days=3)
_DAYS_UNTIL_HOURLY = timedelta(days=10)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Publisher(StrEnum):
    """Who publishes: the server, or a client of it, such as a CI job."""

    SERVER = "server"
    CLIENT = "client"

    @property
    def way(self) -> str:
        """The former spelling, `server` or `here`: of rows, older clients and older records."""
        return _WAYS[self]

    @classmethod
    def of_way(cls, way: str) -> "Publisher":
        """Return the publisher of a former spelling. Raise `KeyError` if it is none."""
        return {spelling: publisher for publisher, spelling in _WAYS.items()}[way]


_WAYS: Mapping[Publisher, str] = {Publisher.SERVER: "server", Publisher.CLIENT: "here"}


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved: the very files, with the very forms; by whom, knowing of which warnings.

    `revision` is the stage's: the same bytes with another form are another release.
    """

    manifest_digest: str
    revision: int
    by: str
    at: datetime
    acknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishUrls:
    """Where a promotion publishes, and which simple index confirms it; without credentials."""

    repository_url: str
    index_url: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """The promotion of a stage, the latest attempt at it.

    `notices` are for people: attestations that were left out, say. `first_sent_at`
    is when the first byte of the release went out, in whichever attempt.
    """

    stage_id: str
    approval: Approval
    target: PublishUrls
    publisher: Publisher
    fence: int
    leased_until: datetime
    first_sent_at: datetime | None = None
    ended_at: datetime | None = None
    notices: tuple[str, ...] = field(default=())

    def check_fence(self, fence: int) -> None:
        """Raise unless *fence* is that of the present holder, who has not finished."""
        if fence != self.fence or self.ended_at is not None:
            raise LostLeaseError

    def check_target(self, target: PublishUrls) -> None:
        """Raise if *target* is another upload API than the one that has the release's first files.

        Half a release here and half of it there would be two halves.
        """
        if self.first_sent_at is not None and self.target.repository_url != target.repository_url:
            raise ConflictError(
                f"Files of this release may already be on {self.target.repository_url}, but the "
                f"settings now have {target.repository_url}. Set promotion.repository_url back to "
                "publish the remaining files."
            )

    def renewed(self, now: datetime) -> "Promotion":
        """Return the promotion after a sign of life."""
        return replace(self, leased_until=now + LEASE)

    def has_lapsed(self, now: datetime) -> bool:
        """Say whether its holder was silent for too long, as far as a clock can tell.

        A lease that ends later than any can was given before the clock was set back.
        """
        return self.ended_at is None and not now < self.leased_until <= now + 2 * LEASE

    def after(self, entry: Entry, now: datetime) -> "Promotion":
        """Return the promotion after an entry of its journal has changed."""
        first = self.first_sent_at or (entry.changed_at if entry.may_be_out else None)
        return replace(self.renewed(now), first_sent_at=first)


class LostLeaseError(ConflictError):
    """Somebody else publishes the stage by now, or it was given up."""

    def __init__(self) -> None:
        super().__init__(
            "Another promotion of this stage has taken over, or this one has ended. "
            "This one sends nothing more."
        )


def reminder_interval(first_sent_at: datetime | None, now: datetime) -> timedelta | None:
    """Return how often to warn of a half-published release: daily from day 3, hourly from 10."""
    if first_sent_at is None:
        return None
    age = now - first_sent_at
    if age >= _DAYS_UNTIL_HOURLY:
        return _HOUR
    return _DAY if age >= _DAYS_UNTIL_DAILY else None
