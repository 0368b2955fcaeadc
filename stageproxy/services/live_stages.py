"""Live stages within a transaction: reading them, checking them, ending expired ones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from stageproxy.catalogue import Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.errors import GoneError, NotFoundError, StageExistsError
from stageproxy.core.promotion.journal import final_files
from stageproxy.core.stage.accept import NOTHING_FINAL, Final, check_can_change
from stageproxy.core.stage.events import file_event, stage_event
from stageproxy.core.stage.lifetime import as_of, end_message
from stageproxy.core.stage.stage import Artifact, Stage, Status

WITHDRAWN = "This file was withdrawn from the stage."


def get_stage(rows: Rows, stage_id: str) -> Stage:
    """Return a stage by its id. Raise if there is none."""
    stage = rows.stages.find(stage_id)
    if stage is None:
        raise NotFoundError(f"There is no stage {stage_id}.")
    return stage


def get_live(rows: Rows, stage_id: str, now: datetime) -> Stage:
    """Return a stage that was neither canceled nor has expired. Raise `GoneError` otherwise."""
    stage = as_of(get_stage(rows, stage_id), now)
    if stage.status is Status.CANCELED:
        raise GoneError(end_message(stage))
    return stage


def list_live_artifacts(rows: Rows, project: str) -> Sequence[Artifact]:
    """Return the artifacts of all live stages of a project."""
    return [artifact for stage in rows.stages.list_live(project) for artifact in stage.artifacts]


def final_files_of(rows: Rows, stage: Stage) -> Final:
    """Return why files of a stage cannot be changed any more, by their names."""
    return final_files(rows.promotions.find_journal(stage.id)) if stage.sent else NOTHING_FINAL


def withdraw(rows: Rows, stage: Stage, artifact: Artifact) -> None:
    """Remove an artifact from a stage, and its entry from the journal. Raise if it is final."""
    check_can_change(stage, artifact.filename, final_files_of(rows, stage))
    rows.artifacts.remove(stage.id, artifact, WITHDRAWN)
    rows.promotions.remove_entry(stage.id, artifact.filename)


def check_release_is_free(rows: Rows, project: str, version: str | None) -> None:
    """Raise `StageExistsError` if a release already has a live stage."""
    existing = rows.stages.find_live(project, version) if version else None
    if existing and version:
        raise StageExistsError(project, version, existing.id)


def end_expired(rows: Rows, project: str, now: datetime) -> None:
    """End expired stages and file uploads of a project. Their releases and filenames are free."""
    for stage in rows.stages.list_live(project):
        end_if_expired(rows, stage, now)


def end_if_expired(rows: Rows, stage: Stage, now: datetime) -> None:
    """End a stage that has expired, or else those of its file uploads that have."""
    if stage.has_expired(now):
        rows.stages.save(as_of(stage, now))
        rows.audit.add(stage_event(stage, AuditAction.EXPIRED, SERVER, now))
        return
    expired = [one.as_of(now) for one in stage.uploads if one.as_of(now) is not one]
    for upload in expired:
        rows.file_uploads.save(stage.id, upload)
        rows.audit.add(file_event(stage, upload, AuditAction.FILE_EXPIRED, SERVER, now))
    if expired:
        rows.stages.save(replace(stage, revision=stage.revision + 1))
