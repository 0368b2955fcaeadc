"""The audit trail: a chain of records in which every change is detected.

Each record's digest covers the digest of the record before it. Editing,
removing or swapping records changes all later digests, and then the newest
digest differs from the one in the server's log.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

PlainValue = None | bool | int | str | Sequence["PlainValue"] | Mapping[str, "PlainValue"]
"""The values of details: those with exactly one JSON encoding."""

SERVER = "server"
"""The actor of events that no client requested."""


class AuditAction(StrEnum):
    """What happened to a stage, a file upload, an API token or a trusted publisher."""

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
    PROMOTION_STOP_REQUESTED = "promotion-stop-requested"
    PROMOTION_STOPPED = "promotion-stopped"
    PROMOTION_GIVEN_UP = "promotion-given-up"
    ARTIFACT_PENDING = "artifact-pending"
    ARTIFACT_SENDING = "artifact-sending"
    ARTIFACT_SENT = "artifact-sent"
    ARTIFACT_CONFIRMED = "artifact-confirmed"
    ARTIFACT_REFUSED = "artifact-refused"
    ARTIFACT_UNKNOWN = "artifact-unknown"
    PUBLISHED = "published"
    TRIED = "tried"
    TOKEN_MADE = "token-made"  # noqa: S105 - what happened to one
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - what happened to one
    TOKEN_MINTED = "token-minted"  # noqa: S105 - what happened to one
    PUBLISHER_ADDED = "publisher-added"
    PUBLISHER_REMOVED = "publisher-removed"
    SIGNED_IN = "signed-in"
    SIGNED_OUT = "signed-out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Event:
    """An audit event. The *actor* is the id of an API token, or the server.

    Project, version and details are copies, not references: the trail outlives the stage.
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
    """The end of a chain: the number and the digest of its last record."""

    number: int
    digest: str


START = ChainEnd(0, "0" * 64)
"""The end of an empty chain."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An event in the chain: *previous* is the digest of the record before it."""

    number: int
    event: Event
    previous: str
    digest: str

    @property
    def end(self) -> ChainEnd:
        """The end of the chain up to this record."""
        return ChainEnd(self.number, self.digest)


def chained_record(previous: str, number: int, event: Event) -> AuditRecord:
    """Return the record of an *event* after the record with the digest *previous*."""
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
    """Return a value as canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def clean_event(event: Event, clean: Callable[[str], str]) -> Event:
    """Return an event with *clean* applied to its texts."""

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
    """The number of the first changed or missing record, and what is wrong with it."""

    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The state of checking a chain: how far it is intact, and where it is broken.

    *awaited* is an earlier head of the chain that was not found so far.
    """

    end: ChainEnd = START
    awaited: str | None = None
    broken: BrokenRecord | None = None

    def extended_with(self, records: Iterable[AuditRecord]) -> "ChainCheck":
        """Return the check after the next *records*. It stops at a broken one."""
        check = self
        for record in records:
            if check.broken:
                return check
            check = check._after(record)
        return check

    def finished(self) -> "ChainCheck":
        """Return the check at the end of the chain, where an awaited digest is missing."""
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
    """Return the first broken record of a chain, or `None`.

    A chain whose last records were removed is consistent. With *head*, an
    earlier head of the chain, this is detected too.
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
