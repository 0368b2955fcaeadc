"""Audit events of changes of stages and of file uploads."""

from collections.abc import Mapping
from datetime import datetime

from stageproxy.core.audit import AuditAction, Event, PlainValue
from stageproxy.core.stage.file_uploads import FileUpload, UploadStep
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.stage import Artifact, Stage

ACTION_OF_STEP: Mapping[UploadStep, AuditAction] = {
    UploadStep.SEND: AuditAction.FILE_RECEIVED,
    UploadStep.EXTEND: AuditAction.FILE_EXTENDED,
    UploadStep.COMPLETE: AuditAction.FILE_PROCESSING,
    UploadStep.SUCCEED: AuditAction.FILE_COMPLETED,
    UploadStep.FAIL: AuditAction.FILE_FAILED,
    UploadStep.PUT_BACK: AuditAction.FILE_PUT_BACK,
    UploadStep.DELETE: AuditAction.FILE_DELETED,
}
"""What each step of a file upload is called in the trail."""

_LONGEST = 500


def stage_event(
    stage: Stage, action: str, actor: str, at: datetime, **details: PlainValue
) -> Event:
    """Return what happened to a stage. The names of *details* are spelled with hyphens there."""
    return Event(
        at=at,
        actor=actor,
        action=action,
        project=stage.project,
        version=stage.version,
        stage_id=stage.id,
        details=_hyphenated(details),
    )


def refusal_event(stage: Stage | None, actor: str, at: datetime, **details: PlainValue) -> Event:
    """Return that a write was refused, of a stage if one was meant that there is."""
    if stage is not None:
        return stage_event(stage, AuditAction.REFUSED, actor, at, **details)
    return Event(at, actor, AuditAction.REFUSED, details=_hyphenated(details))


def artifact_details(artifact: Artifact) -> Mapping[str, PlainValue]:
    """Return what tells an artifact from all others."""
    return {
        "filename": artifact.filename,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "form_sha256": artifact.form_sha256,
    }


def file_event(
    stage: Stage, upload: FileUpload, action: AuditAction, actor: str, at: datetime
) -> Event:
    """Return what happened to a file on its way in, with what is known of its bytes by then."""
    known: dict[str, PlainValue] = {"filename": upload.filename, "size": upload.size}
    if upload.received:
        known |= {"size": upload.received.size, "sha256": upload.received.sha256}
    if action is AuditAction.FILE_EXTENDED:
        known["expires_at"] = rfc3339(upload.expires_at)
    if action is AuditAction.FILE_FAILED:
        known["sentence"] = shortened("; ".join(upload.notices))
    return stage_event(stage, action, actor, at, **known)


def shortened(sentence: str) -> str:
    """Return a sentence that is not longer than the trail can bear: clients have a say in some."""
    return sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}…"


def _hyphenated(details: Mapping[str, PlainValue]) -> dict[str, PlainValue]:
    return {name.replace("_", "-"): value for name, value in details.items()}
