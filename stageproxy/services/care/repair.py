"""The repair of a data directory that no server uses."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from stageproxy.catalogue import Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.care.faults import (
    AddFileRow,
    CancelUpload,
    DeleteFile,
    Repair,
    WithdrawArtifact,
)
from stageproxy.core.care.snapshot import Snapshot, needed_files
from stageproxy.core.stage.events import artifact_details, file_event, stage_event
from stageproxy.core.stage.file_uploads import UploadStep
from stageproxy.core.stage.stage import Stage
from stageproxy.services.live_stages import get_stage

LOST = "The server has lost the bytes of this file. Upload it again."


class RepairableFiles(Protocol):
    """The files of a data directory, of which some are damaged or left over."""

    def put_aside(self, sha256: str) -> None:
        """Move a damaged stored file to a folder for damaged files, if it is there."""

    def delete(self, path: str) -> None:
        """Delete a file of the data directory by its path within it."""


def repair(rows: Rows, files: RepairableFiles, repairs: Iterable[Repair], now: datetime) -> None:
    """Carry out repairs within a transaction. Damaged bytes are kept, out of the way."""
    damaged = set()
    for one in repairs:
        match one:
            case WithdrawArtifact(stage_id, filename, sha256):
                _withdraw(rows, get_stage(rows, stage_id), filename, now)
                damaged.add(sha256)
            case CancelUpload(stage_id, upload_id, sha256):
                _cancel(rows, get_stage(rows, stage_id), upload_id, now)
                damaged.add(sha256)
            case AddFileRow(sha256, size):
                rows.files.add(sha256, size)
            case DeleteFile(path):
                files.delete(path)
    if damaged:
        for sha256 in damaged - _needed(rows):
            files.put_aside(sha256)


def _needed(rows: Rows) -> set[str]:
    """Return the files that live stages still need, such as those that are being published."""
    snapshot = Snapshot(stages=rows.stages.list())
    return {one.digests.sha256 for one in needed_files(snapshot)}


def _withdraw(rows: Rows, stage: Stage, filename: str, now: datetime) -> None:
    artifact = stage.find_artifact(filename)
    if artifact is None:
        return
    rows.artifacts.remove(stage.id, artifact, LOST)
    rows.promotions.remove_entry(stage.id, filename)
    details = {**artifact_details(artifact), "reason": LOST}
    rows.audit.add(stage_event(stage, AuditAction.WITHDRAWN, SERVER, now, **details))
    rows.stages.save(replace(stage, revision=stage.revision + 1))


def _cancel(rows: Rows, stage: Stage, upload_id: str, now: datetime) -> None:
    upload = rows.file_uploads.find(stage.id, upload_id)
    if upload is None:
        return
    canceled = upload.after(UploadStep.DELETE, LOST)
    rows.file_uploads.save(stage.id, canceled)
    rows.audit.add(file_event(stage, canceled, AuditAction.FILE_DELETED, SERVER, now))
    rows.stages.save(replace(stage, revision=stage.revision + 1))
