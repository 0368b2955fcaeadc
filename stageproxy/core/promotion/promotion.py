"""Promotions, their approvals, and the lease to carry them out.

A publisher holds a lease. Each new holder gets a higher number, the fence, so
that late reports of a former holder are rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.journal import Entry

LEASE = timedelta(minutes=15)
"""How long a lease lasts after its last renewal."""

CLOSES_AFTER = timedelta(days=14)
"""How long PyPI accepts files for a release after its first one."""

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
    """What was approved, by whom, and with which acknowledged warnings.

    `revision` is the stage's. It covers the forms, which the manifest does not.
    """

    manifest_digest: str
    revision: int
    by: str
    at: datetime
    acknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishUrls:
    """The upload API of a promotion and the simple index that confirms it, without credentials."""

    repository_url: str
    index_url: str

    def release_url(self, project: str, version: str, *, pypi: str) -> str:
        """Return where people find a release: its page on PyPI, or its files on another index.

        *pypi*: the root URL of PyPI's site.
        """
        if self.index_url.startswith(pypi):
            return f"{pypi}project/{project}/{version}/"
        return f"{self.index_url.rstrip('/')}/{project}/"


@dataclass(frozen=True, slots=True)
class StopRequest:
    """A request to stop a promotion as soon as no file is being sent. *by*: an API token's id."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Promotion:
    """The promotion of a stage, in its latest attempt.

    `notices` are for people, such as on attestations that were left out.
    `first_sent_at` is when the first byte of the release was sent, in any attempt.
    `stop` is the first request to stop this attempt.
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
    stop: StopRequest | None = None

    def check_fence(self, fence: int) -> None:
        """Raise `LostLeaseError` unless *fence* is that of the current holder."""
        if fence != self.fence or self.ended_at is not None:
            raise LostLeaseError

    def check_target(self, target: PublishUrls) -> None:
        """Raise if *target* is another index than the one with the release's first files.

        A release must not be split between two indexes, nor confirmed on another one.
        """
        if self.first_sent_at is None:
            return
        urls = (
            ("repository_url", self.target.repository_url, target.repository_url),
            ("index_url", self.target.index_url, target.index_url),
        )
        for setting, former, present in urls:
            if former != present:
                raise ConflictError(
                    f"Files of this release may already be on {former}, but the settings now have "
                    f"{present}. Set promotion.{setting} back to publish the remaining files."
                )

    def renewed(self, now: datetime) -> "Promotion":
        """Return the promotion with a renewed lease."""
        return replace(self, leased_until=now + LEASE)

    def has_lapsed(self, now: datetime) -> bool:
        """Return whether the lease has expired.

        So has a lease that ends too far in the future: the clock was set back since.
        """
        return self.ended_at is None and not now < self.leased_until <= now + 2 * LEASE

    def after(self, entry: Entry) -> "Promotion":
        """Return the promotion after an entry of its journal changed."""
        first = self.first_sent_at or (entry.changed_at if entry.may_be_published else None)
        return replace(self, first_sent_at=first)


class LostLeaseError(ConflictError):
    """The lease is held by another publisher, or the promotion has ended."""

    def __init__(self) -> None:
        super().__init__(
            "Another promotion of this stage has taken over, or this one has ended. "
            "This one sends nothing more."
        )


class StopRequestedError(ConflictError):
    """The promotion was stopped, so no file can be sent any more."""

    def __init__(self) -> None:
        super().__init__("The promotion was stopped. Nothing more is sent.")


def reminder_interval(first_sent_at: datetime | None, now: datetime) -> timedelta | None:
    """Return how often to warn of a partial release: daily from day 3, hourly from day 10."""
    if first_sent_at is None:
        return None
    age = now - first_sent_at
    if age >= _DAYS_UNTIL_HOURLY:
        return _HOUR
    return _DAY if age >= _DAYS_UNTIL_DAILY else None
