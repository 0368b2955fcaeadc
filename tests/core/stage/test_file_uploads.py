"""The states of a file upload, cell by cell."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from stageproxy.core.errors import ConflictError
from stageproxy.core.stage.file_uploads import (
    NEXT_UPLOAD,
    UNFINISHED,
    UploadStatus,
    UploadStep,
)
from tests.support.builders.stages import a_file_upload
from tests.support.ports.clock import NOON

PENDING, PROCESSING, COMPLETED, ERROR, CANCELED = UploadStatus
SENT, EXTENDED, COMPLETES, SUCCEEDS, FAILS, PUT_BACK, DELETED = UploadStep
LIFE: Mapping[UploadStatus, Mapping[UploadStep, UploadStatus]] = {
    PENDING: {SENT: PENDING, EXTENDED: PENDING, COMPLETES: PROCESSING, DELETED: CANCELED},
    PROCESSING: {SUCCEEDS: COMPLETED, FAILS: ERROR, PUT_BACK: PENDING},
    COMPLETED: {DELETED: CANCELED},
    ERROR: {DELETED: CANCELED},
    CANCELED: {},
}
"""The states of a file upload (PEP 694): `error` can only be deleted, `canceled` is final."""

CELLS = [
    pytest.param(status, step, LIFE[status].get(step), id=f"{status}-{step}")
    for status in UploadStatus
    for step in UploadStep
]


@pytest.mark.parametrize(("status", "step", "expected"), CELLS)
def test_each_step_has_the_outcome_of_the_table(
    status: UploadStatus, step: UploadStep, expected: UploadStatus | None
) -> None:
    """A cell of the table is a status, or a conflict."""
    upload = a_file_upload(status=status)

    if expected is not None:
        assert upload.after(step) == a_file_upload(status=expected)
        return
    with pytest.raises(ConflictError):
        upload.after(step)


def test_documentation_has_the_same_table() -> None:
    """The table in the documentation is that of the code."""
    assert NEXT_UPLOAD == LIFE


def test_conflict_has_a_reason() -> None:
    """The sentence names the file, its status, and the step that is not possible."""
    upload = a_file_upload("demo-2.0.tar.gz", status=ERROR)

    with pytest.raises(ConflictError) as caught:
        upload.after(COMPLETES)

    assert str(caught.value) == (
        "The upload of demo-2.0.tar.gz cannot be completed: its status is error."
    )


def test_notices_add_up() -> None:
    """The reason of an error is added to earlier notices."""
    upload = a_file_upload(status=PROCESSING, notices=("First.",))

    assert upload.after(FAILS, "Second.", "Third.").notices == ("First.", "Second.", "Third.")


def test_unfinished_uploads() -> None:
    """An upload that is neither completed nor canceled is unfinished."""
    assert {PENDING, PROCESSING, ERROR} == UNFINISHED


@pytest.mark.parametrize("status", UploadStatus)
def test_upload_before_its_expiry(status: UploadStatus) -> None:
    """Until it expires, an upload has its stored status."""
    upload = a_file_upload(status=status)

    assert upload.as_of(upload.expires_at - timedelta(microseconds=1)) == upload


def test_expired_upload() -> None:
    """A pending upload that has expired counts as canceled, with a reason."""
    upload = a_file_upload(status=PENDING, expires_at=NOON)

    assert upload.as_of(NOON) == a_file_upload(
        status=CANCELED, expires_at=NOON, notices=("The upload expired.",)
    )


@pytest.mark.parametrize("status", [PROCESSING, COMPLETED, ERROR, CANCELED])
def test_only_pending_uploads_expire(status: UploadStatus) -> None:
    """An upload in another status than pending does not expire."""
    upload = a_file_upload(status=status, expires_at=NOON)

    assert upload.as_of(NOON + timedelta(days=99)) == upload


def test_attestations_do_not_print() -> None:
    """The `repr` of an upload leaves out its attestations."""
    upload = a_file_upload(attestations='[{"signature": "long"}]')

    assert "signature" not in repr(upload)
