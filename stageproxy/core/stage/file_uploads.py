"""Here is a file on its way into a stage by PEP 694: what was announced, what came, its states."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from stageproxy.core.errors import ConflictError
from stageproxy.core.stage.digests import FileDigests


class UploadStatus(StrEnum):
    """The states of a file upload; PEP 694's states of a file upload session."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELED = "canceled"


UNFINISHED = frozenset({UploadStatus.PENDING, UploadStatus.PROCESSING, UploadStatus.ERROR})
"""The states in which a file stands between a stage and its promotion."""


COMING = frozenset({UploadStatus.PENDING, UploadStatus.PROCESSING})
"""The states in which what was sent is still needed."""


class UploadStep(StrEnum):
    """What can be done to a file upload."""

    SEND = "receive anything"
    EXTEND = "be extended"
    COMPLETE = "be completed"
    SUCCEED = "succeed"
    FAIL = "fail"
    PUT_BACK = "be put back"
    DELETE = "be deleted"


NEXT_UPLOAD: Mapping[UploadStatus, Mapping[UploadStep, UploadStatus]] = {
    UploadStatus.PENDING: {
        UploadStep.SEND: UploadStatus.PENDING,
        UploadStep.EXTEND: UploadStatus.PENDING,
        UploadStep.COMPLETE: UploadStatus.PROCESSING,
        UploadStep.DELETE: UploadStatus.CANCELED,
    },
    UploadStatus.PROCESSING: {
        UploadStep.SUCCEED: UploadStatus.COMPLETED,
        UploadStep.FAIL: UploadStatus.ERROR,
        UploadStep.PUT_BACK: UploadStatus.PENDING,
    },
    UploadStatus.COMPLETED: {UploadStep.DELETE: UploadStatus.CANCELED},
    UploadStatus.ERROR: {UploadStep.DELETE: UploadStatus.CANCELED},
    UploadStatus.CANCELED: {},
}
"""Where each step leads. What is missing is a conflict. A fault of the server's own puts an upload
back, so that its client can complete it again."""


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A file that was announced: its name, its size in bytes, its digests in hex by algorithm.

    `received` is what has come in, if anything has; `attestations` are a JSON
    array as it came, kept until the file is completed; `notices` say why it failed.
    """

    id: str
    filename: str
    size: int
    hashes: Mapping[str, str]
    status: UploadStatus
    created_at: datetime
    expires_at: datetime
    created_by: str
    received: FileDigests | None = None
    attestations: str | None = field(default=None, repr=False)
    notices: tuple[str, ...] = ()

    def after(self, step: UploadStep, *notices: str) -> "FileUpload":
        """Return the upload as it is after a *step*, or raise a conflict."""
        try:
            status = NEXT_UPLOAD[self.status][step]
        except KeyError:
            raise ConflictError(
                f"The upload of {self.filename} has status {self.status} and cannot {step}."
            ) from None
        return replace(self, status=status, notices=(*self.notices, *notices))

    def as_of(self, now: datetime) -> "FileUpload":
        """Return the upload as it counts *now*: one that nobody completed in time is canceled."""
        if self.status is UploadStatus.PENDING and now >= self.expires_at:
            return self.after(UploadStep.DELETE, "It expired.")
        return self
