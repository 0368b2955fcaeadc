"""Events of the audit trail."""

from dataclasses import replace

import pytest

from stageproxy.core.audit import AuditAction, Event
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.events import ACTION_OF_STEP, file_event, shortened, stage_event
from stageproxy.core.stage.file_uploads import UploadStep
from tests.support.builders.stages import a_file_upload, a_stage
from tests.support.ports.clock import NOON

RECEIVED = FileDigests(size=3, sha256="5" * 64, blake2b_256="b" * 64, md5="d" * 32)


def test_event_has_the_stage() -> None:
    """An event contains what is needed of its stage once the stage is removed."""
    event = stage_event(a_stage("2.0"), AuditAction.ROTATED, "t1", NOON, new_rotation=1)

    assert event == Event(NOON, "t1", "rotated", "demo", "2.0", "s1", {"new-rotation": 1})


def test_every_step_of_a_file_has_an_action() -> None:
    """Each step of a file upload has its own action."""
    assert set(ACTION_OF_STEP) == set(UploadStep)
    assert len(set(ACTION_OF_STEP.values())) == len(UploadStep)


@pytest.mark.parametrize(
    ("action", "more"),
    [
        (AuditAction.FILE_RECEIVED, {}),
        (AuditAction.FILE_EXTENDED, {"expires-at": "2026-11-23T12:00:00.123456Z"}),
        (AuditAction.FILE_FAILED, {"sentence": "One.; Two."}),
    ],
)
def test_details_of_a_file(action: AuditAction, more: dict[str, str]) -> None:
    """An event of a file has its digests, the sentence of a failure, and the notices."""
    upload = a_file_upload("x", received=RECEIVED, notices=("One.", "Two."))

    event = file_event(a_stage(), upload, action, "t1", NOON)

    assert event.details == {"filename": "x", "size": 3, "sha256": "5" * 64, **more}


def test_details_of_an_announced_file() -> None:
    """Before the bytes arrive, the size is the announced one."""
    upload = replace(a_file_upload("x"), size=7)

    event = file_event(a_stage(), upload, AuditAction.FILE_ANNOUNCED, "t1", NOON)

    assert event.details == {"filename": "x", "size": 7}


@pytest.mark.parametrize(("length", "expected"), [(0, 0), (500, 500), (501, 500), (10**6, 500)])
def test_sentences_have_a_limit(length: int, expected: int) -> None:
    """A long sentence is shortened and marked, so that no client can fill the trail."""
    short = shortened("x" * length)

    assert len(short) == expected
    assert short.endswith("…") is (length > expected)
