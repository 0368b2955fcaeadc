"""What a file upload allows: the table of its life, cell by cell."""

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
"""A file upload's life, as PEP 694 has it: `error` can only be deleted, `canceled` is the end."""

CELLS = [
    pytest.param(status, step, LIFE[status].get(step), id=f"{status}-{step}")
    for status in UploadStatus
    for step in UploadStep
]


@pytest.mark.parametrize(("status", "step", "expected"), CELLS)
def test_each_step_leads_where_the_table_says(
    status: UploadStatus, step: UploadStep, expected: UploadStatus | None
) -> None:
    """A cell of the table is a status, or a conflict (22, 24, 25, 26)."""
    upload = a_file_upload(status=status)

    if expected is not None:
        assert upload.after(step) == a_file_upload(status=expected)
        return
    with pytest.raises(ConflictError):
        upload.after(step)


def test_the_table_says_nothing_more() -> None:
    """What the code allows is on the page that people read."""
    assert NEXT_UPLOAD == LIFE


def test_a_conflict_says_what_is_in_the_way() -> None:
    """The sentence names the file, its state, and what cannot be done."""
    upload = a_file_upload("demo-2.0.tar.gz", status=ERROR)

    with pytest.raises(ConflictError) as caught:
        upload.after(COMPLETES)

    assert str(caught.value) == (
        "The upload of demo-2.0.tar.gz cannot be completed: its status is error."
    )


def test_notices_add_up() -> None:
    """What went wrong is kept beside what was noted before."""
    upload = a_file_upload(status=PROCESSING, notices=("First.",))

    assert upload.after(FAILS, "Second.", "Third.").notices == ("First.", "Second.", "Third.")


def test_what_stands_between_a_stage_and_its_promotion() -> None:
    """A file that is neither a part of the stage nor given up is unfinished (28)."""
    assert {PENDING, PROCESSING, ERROR} == UNFINISHED


@pytest.mark.parametrize("status", UploadStatus)
def test_before_its_time_is_over(status: UploadStatus) -> None:
    """Until the last moment an upload counts as it is."""
    upload = a_file_upload(status=status)

    assert upload.as_of(upload.expires_at - timedelta(microseconds=1)) == upload


def test_nobody_completed_it_in_time() -> None:
    """A pending upload whose time is over counts as canceled, and says why."""
    upload = a_file_upload(status=PENDING, expires_at=NOON)

    assert upload.as_of(NOON) == a_file_upload(
        status=CANCELED, expires_at=NOON, notices=("The upload expired.",)
    )


@pytest.mark.parametrize("status", [PROCESSING, COMPLETED, ERROR, CANCELED])
def test_only_pending_ones_expire(status: UploadStatus) -> None:
    """What is being looked at, or has been, stays as it is, however late it is."""
    upload = a_file_upload(status=status, expires_at=NOON)

    assert upload.as_of(NOON + timedelta(days=99)) == upload


def test_attestations_do_not_print() -> None:
    """A log line about an upload is not as long as its attestations."""
    upload = a_file_upload(attestations='[{"signature": "long"}]')

    assert "signature" not in repr(upload)
