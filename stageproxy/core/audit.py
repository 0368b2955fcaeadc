"""Here is the audit trail: what happened, as a chain of records that cannot change unnoticed.

Each record's digest covers the digest of the record before it. Whoever edits,
removes or swaps records has to compute all later ones anew, and then the
newest digest is another one than the log of the server has.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

PlainValue = None | bool | int | str | Sequence["PlainValue"] | Mapping[str, "PlainValue"]
"""What details may consist of: values that JSON spells in one way only."""

SERVER = "server"
"""The actor of what nobody asked for."""


class AuditAction(StrEnum):
    """What happened to a stage, to a file on its way in, or to an API token."""

    OPENED = "opened"
    EXTENDED = "extended"
    CANCELED = "canceled"
    ROTATED = "rotated"
    EXPIRED = "expired"
    FORGOTTEN = "forgotten"
    UPLOADED = "uploaded"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    FILE_ANNOUNCED = "file-announced"
    FILE_RECEIVED = "file-received"
    FILE_ATTESTED = "file-attested"
    FILE_EXTENDED = "file-extended"
    FILE_PROCESSING = "file-processing"
    FILE_COMPLETED = "file-completed"
    FILE_FAILED = "file-failed"
    FILE_PUT_BACK = "file-put-back"
    FILE_DELETED = "file-deleted"
    FILE_EXPIRED = "file-expired"
    PROMOTION_BEGUN = "promotion-begun"
    PROMOTION_RESUMED = "promotion-resumed"
    PROMOTION_STOPPED = "promotion-stopped"
    ARTIFACT_PENDING = "artifact-pending"
    ARTIFACT_SENDING = "artifact-sending"
    ARTIFACT_SENT = "artifact-sent"
    ARTIFACT_CONFIRMED = "artifact-confirmed"
    ARTIFACT_REFUSED = "artifact-refused"
    ARTIFACT_UNKNOWN = "artifact-unknown"
    PUBLISHED = "published"
    TOKEN_MADE = "token-made"  # noqa: S105 - what happened to one
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - what happened to one
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. The *actor* is the id of an API token, or the server.

    What the event is about is copied, not referred to: the trail outlives the stage.
    """

    at: datetime
    actor: str
    action: str
    project: str | None = None
    version: str | None = None
    stage_id: str | None = None
    details: Mapping[str, PlainValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where a chain ends: the number and the digest of its last record."""

    number: int
    digest: str


START = ChainEnd(0, "0" * 64)
"""The end of a chain that has no record yet."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An event in its place: *previous* is the digest of the record before it."""

    number: int
    event: Event
    previous: str
    digest: str

    @property
    def end(self) -> ChainEnd:
        """Where the chain ends with this record."""
        return ChainEnd(self.number, self.digest)


def chained_record(previous: str, number: int, event: Event) -> AuditRecord:
    """Return the record of an *event* that follows the one whose digest is *previous*."""
    text = canonical_json(
        {
            "number": number,
            "previous": previous,
            "at": _timestamp(event.at),
            "actor": event.actor,
            "action": event.action,
            "project": event.project,
            "version": event.version,
            "stage-id": event.stage_id,
            "details": event.details,
        }
    )
    return AuditRecord(number, event, previous, hashlib.sha256(text.encode()).hexdigest())


def canonical_json(value: PlainValue) -> str:
    """Return a value as JSON that has no other spelling: sorted, without spaces, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def clean_event(event: Event, clean: Callable[[str], str]) -> Event:
    """Return an event whose texts went through *clean*."""

    def clean_all(value: PlainValue) -> PlainValue:
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, Mapping):
            return {key: clean_all(item) for key, item in value.items()}
        return [clean_all(item) for item in value] if isinstance(value, Sequence) else value

    return replace(
        event,
        project=event.project and clean(event.project),
        version=event.version and clean(event.version),
        details={key: clean_all(item) for key, item in event.details.items()},
    )


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """The number of the first record that is not as it was written, and why it is not."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """A walk along a chain: how far it holds, and where it is broken.

    *awaited* is a digest that the chain had once, and that was not met yet.
    """

    end: ChainEnd = START
    awaited: str | None = None
    broken: BrokenRecord | None = None

    def extended_with(self, records: Iterable[AuditRecord]) -> "ChainCheck":
        """Return the walk after the next *records*; it goes no further than to a broken one."""
        check = self
        for record in records:
            if check.broken:
                return check
            check = check._after(record)
        return check

    def finished(self) -> "ChainCheck":
        """Return the walk at the end of the chain: what was not met is not there any more."""
        if self.broken or self.awaited is None:
            return self
        sentence = "The expected head is not in the chain: records were removed or replaced."
        return replace(self, broken=BrokenRecord(self.end.number + 1, sentence))

    def _after(self, record: AuditRecord) -> "ChainCheck":
        expected = self.end.number + 1
        if sentence := _find_fault(record, self.end):
            return replace(self, broken=BrokenRecord(expected, sentence))
        is_found = record.digest == self.awaited
        return replace(self, end=record.end, awaited=None if is_found else self.awaited)


def find_broken_record(
    records: Iterable[AuditRecord], head: str | None = None
) -> BrokenRecord | None:
    """Return where a chain is broken, if it is.

    A chain whose last records were cut off looks whole. With *head*, a digest
    that it had once, this is found too.
    """
    return ChainCheck(awaited=head).extended_with(records).finished().broken


def _find_fault(record: AuditRecord, end: ChainEnd) -> str | None:
    if record.number != end.number + 1:
        return f"Record {end.number + 1} is missing: record {record.number} is in its place."
    if chained_record(record.previous, record.number, record.event) != record:
        return f"Record {record.number} was changed."
    if record.previous != end.digest:
        return f"Record {record.number} does not follow record {end.number}."
    return None


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
