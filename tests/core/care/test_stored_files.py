"""Faults of stored files: what reading them gave, against what their rows say."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stageproxy.core.care.faults import (
    AddFileRow,
    CancelUpload,
    DeleteFile,
    Fault,
    Repair,
    WithdrawArtifact,
)
from stageproxy.core.care.snapshot import FoundFile, Place, Reading, Snapshot, Unreadable
from stageproxy.core.care.stored_files import find_file_faults, find_form_faults, find_orphans
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import UploadStatus
from stageproxy.core.stage.stage import Stage, Status
from tests.support.builders.stages import a_file_upload, a_stage, an_artifact
from tests.support.ports.clock import NOON

WHEEL = an_artifact()
WHOLE = FileDigests(WHEEL.size, WHEEL.sha256, WHEEL.blake2b_256, WHEEL.md5)
SHA256 = "ab" + "0" * 62
MINUTE = timedelta(minutes=1)


def faults_of(stage: Stage, found: Reading, **more: Any) -> list[Fault]:
    """Return the faults of a stage whose one file was read."""
    snapshot = Snapshot(stages=[stage], stored={WHEEL.sha256: WHEEL.size})
    return list(find_file_faults(replace(snapshot, **more), {WHEEL.sha256: found}))


@pytest.mark.parametrize(
    ("found", "kind", "sentence"),
    [
        (None, "file-missing", "The stored file is missing."),
        (replace(WHOLE, size=1, sha256="f" * 64), "file-size", "1 bytes instead of 25."),
        (replace(WHOLE, sha256="f" * 64), "file-altered", "has other bytes"),
        (replace(WHOLE, blake2b_256="f" * 64), "digest-wrong", "another blake2b_256."),
        (replace(WHOLE, md5="f" * 32), "digest-wrong", "another md5."),
        (Unreadable("Input/output error"), "file-unreadable", "Input/output error."),
    ],
    ids=["missing", "size", "altered", "blake2b", "md5", "unreadable"],
)
def test_damaged_file(found: Reading, kind: str, sentence: str) -> None:
    """A file that is not as its row says is an error that names it, its stage and the damage."""
    (fault,) = faults_of(a_stage("2.0", WHEEL), found)

    assert (fault.severity, fault.kind) == ("error", kind)
    assert fault.subject == f"{WHEEL.filename} of stage demo 2.0 (s1)"
    assert fault.sentence.endswith(sentence) or sentence in fault.sentence


def test_whole_file() -> None:
    """A file that is as its row says is no fault."""
    assert faults_of(a_stage("2.0", WHEEL), WHOLE) == []


@pytest.mark.parametrize("status", [Status.PUBLISHED, Status.CANCELED])
def test_file_of_an_ended_stage(status: Status) -> None:
    """Nobody needs the files of a stage that has ended."""
    assert faults_of(a_stage("2.0", WHEEL, status=status), None) == []


def test_file_without_a_row() -> None:
    """A file that a stage needs and that has no row gets one: the sweep would delete it."""
    (fault,) = faults_of(a_stage("2.0", WHEEL), WHOLE, stored={})

    assert (fault.kind, fault.repair) == ("file-without-row", AddFileRow(WHEEL.sha256, WHEEL.size))


@pytest.mark.parametrize(
    ("status", "sent", "progress", "repair"),
    [
        (Status.OPEN, False, None, WithdrawArtifact("s1", WHEEL.filename, WHEEL.sha256)),
        (Status.ERROR, False, None, WithdrawArtifact("s1", WHEEL.filename, WHEEL.sha256)),
        (
            Status.ERROR,
            True,
            Progress.PENDING,
            WithdrawArtifact("s1", WHEEL.filename, WHEEL.sha256),
        ),
        (Status.ERROR, True, Progress.CONFIRMED, None),
        (Status.ERROR, True, Progress.UNKNOWN, None),
        (Status.PROCESSING, False, None, None),
        (Status.PROCESSING, True, Progress.SENDING, None),
    ],
)
def test_only_what_can_change_is_withdrawn(
    status: Status, *, sent: bool, progress: Progress | None, repair: Repair | None
) -> None:
    """A stage that is being published is not touched, nor a file that may be public."""
    stage = a_stage("2.0", WHEEL, status=status, sent=sent)
    journal = {WHEEL.filename: Entry(WHEEL.filename, progress, NOON)} if progress else {}

    (fault,) = faults_of(stage, None, journals={stage.id: journal})

    assert fault.repair == repair


@pytest.mark.parametrize("status", UploadStatus)
def test_bytes_of_an_upload(status: UploadStatus) -> None:
    """An upload that is in progress needs the bytes that were sent, and no other does."""
    stage = replace(a_stage(), uploads=(a_file_upload(status=status, received=WHOLE),))

    repairs = [fault.repair for fault in faults_of(stage, None)]

    is_needed = status in {UploadStatus.PENDING, UploadStatus.PROCESSING}
    assert repairs == [CancelUpload("s1", "u1", WHEEL.sha256)] * is_needed


@pytest.mark.parametrize(
    ("path", "place", "minutes", "kind"),
    [
        (f"files/kept/ab/{SHA256}", Place.KEPT, 60, "orphan"),
        (f"files/kept/ab/{SHA256}", Place.KEPT, 59, None),
        ("files/incoming/x", Place.INCOMING, 60, "orphan"),
        ("files/incoming/x", Place.INCOMING, 59, None),
        ("secret.0123abcd", Place.DRAFT, 61, "orphan"),
        ("files/notes.txt", Place.UNKNOWN, 0, "file-unexpected"),
    ],
)
def test_orphans(path: str, place: Place, minutes: int, kind: str | None) -> None:
    """A file that no row names is one only after an hour: an upload stores its file first."""
    found = FoundFile(path, place, 7, NOON - minutes * MINUTE)

    faults = list(find_orphans([found], [], NOON))

    assert [one.kind for one in faults] == ([kind] if kind else [])
    assert [one.repair for one in faults if one.kind == "orphan"] == (
        [DeleteFile(path)] if kind == "orphan" else []
    )


def test_known_file_is_no_orphan() -> None:
    """A stored file that a row names is no orphan, however old it is."""
    found = FoundFile(f"files/kept/ab/{SHA256}", Place.KEPT, 7, NOON - 9999 * MINUTE)

    assert list(find_orphans([found], [SHA256], NOON)) == []


def test_link_is_unexpected() -> None:
    """A symbolic link in the place of a stored file is never deleted by itself."""
    found = FoundFile(f"files/kept/ab/{SHA256}", Place.KEPT, 7, NOON, is_regular=False)

    (fault,) = find_orphans([found], [SHA256], NOON)

    assert (fault.kind, fault.repair) == ("file-unexpected", None)


@pytest.mark.parametrize(
    ("core_metadata", "kinds"),
    [
        ({}, ["form-missing"]),
        ({("s1", WHEEL.filename): "f" * 64}, ["metadata-altered"]),
        ({("s1", WHEEL.filename): None}, ["metadata-altered"]),
        ({("s1", WHEEL.filename): WHEEL.core_metadata_sha256}, []),
    ],
    ids=["no form", "other metadata", "no metadata", "whole"],
)
def test_forms(core_metadata: Mapping[tuple[str, str], str | None], kinds: list[str]) -> None:
    """An artifact needs the form that it came with, and a wheel its METADATA file."""
    snapshot = Snapshot(stages=[a_stage("2.0", WHEEL)], core_metadata=core_metadata)

    assert [one.kind for one in find_form_faults(snapshot)] == kinds
