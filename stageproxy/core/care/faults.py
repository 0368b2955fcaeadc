"""Faults of a data directory, and the repairs that lose nothing that is still needed."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a fault is: something is lost or wrong, should be put in order, or can stay."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class WithdrawArtifact:
    """Withdraw an artifact without its bytes from its stage, and put damaged bytes aside."""

    stage_id: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CancelUpload:
    """Cancel a file upload without its bytes, and put damaged bytes aside."""

    stage_id: str
    upload_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AddFileRow:
    """Add the row without which the next sweep deletes a file that is needed."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Delete a file that no row names. *path* is within the data directory."""

    path: str


Repair = WithdrawArtifact | CancelUpload | AddFileRow | DeleteFile
"""What `fsck --repair` does about a fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: *kind* for programs, *subject* and *sentence* for people.

    *advice* says what a person can do. *repair* is `None` if only a person can do something.
    """

    severity: Severity
    kind: str
    subject: str
    sentence: str
    advice: str
    repair: Repair | None = None


def error(
    kind: str, subject: str, sentence: str, advice: str, repair: Repair | None = None
) -> Fault:
    """Return a fault by which something is lost or wrong."""
    return Fault(Severity.ERROR, kind, subject, sentence, advice, repair)


def warning(
    kind: str, subject: str, sentence: str, advice: str, repair: Repair | None = None
) -> Fault:
    """Return a fault by which nothing is lost."""
    return Fault(Severity.WARNING, kind, subject, sentence, advice, repair)


def note(kind: str, subject: str, sentence: str, advice: str) -> Fault:
    """Return what may be as it should be, and is told to people alone."""
    return Fault(Severity.NOTE, kind, subject, sentence, advice)
