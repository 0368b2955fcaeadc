"""File uploads of PEP 694 and their states."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from stageproxy.core.errors import ConflictError
from stageproxy.core.stage.digests import FileDigests


class UploadStatus(StrEnum):
    """The states of a file upload, as PEP 694 names them."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELED = "canceled"


UNFINISHED = frozenset({UploadStatus.PENDING, UploadStatus.PROCESSING, UploadStatus.ERROR})
"""The states in which a file upload prevents the promotion of its stage."""

IN_PROGRESS = frozenset({UploadStatus.PENDING, UploadStatus.PROCESSING})
"""The states in which the bytes and attestations that were sent are still needed."""


class UploadStep(StrEnum):
    """The steps of a file upload, as the error on a step that is not possible names them."""

    SEND = "receive data"
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
"""The status after each step. A step that is missing is a conflict. A failure of the server puts
an upload back, so that the client can complete it again."""


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A file that is announced: its filename, its size in bytes, its digests in hex by algorithm.

    `received` are the digests of the bytes that were sent last, if any;
    `attestations` are a JSON array, stored until the file is completed;
    `notices` are the reasons why the upload failed.
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
        """Return the upload after a *step*. Raise `ConflictError` if the step is not possible."""
        try:
            status = NEXT_UPLOAD[self.status][step]
        except KeyError:
            raise ConflictError(
                f"The upload of {self.filename} cannot {step}: its status is {self.status}."
            ) from None
        return replace(self, status=status, notices=(*self.notices, *notices))

    def as_of(self, now: datetime) -> "FileUpload":
        """Return the upload as it is *now*: canceled if it was not completed in time."""
        if self.status is UploadStatus.PENDING and now >= self.expires_at:
            return self.after(UploadStep.DELETE, "The upload expired.")
        return self
