"""Audit events of changes of stages and of file uploads."""

from collections.abc import Mapping
from datetime import datetime

from stageproxy.core.audit import Deed, Event, Plain
from stageproxy.core.stage.file_uploads import FileUpload, UploadStep
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.stage import Artifact, Stage

DEED_OF: Mapping[UploadStep, Deed] = {
    UploadStep.SEND: Deed.FILE_RECEIVED,
    UploadStep.EXTEND: Deed.FILE_EXTENDED,
    UploadStep.COMPLETE: Deed.FILE_PROCESSING,
    UploadStep.SUCCEED: Deed.FILE_COMPLETED,
    UploadStep.FAIL: Deed.FILE_FAILED,
    UploadStep.PUT_BACK: Deed.FILE_PUT_BACK,
    UploadStep.DELETE: Deed.FILE_DELETED,
}
"""What each step of a file upload is called in the trail."""

_LONGEST = 500


def stage_event(stage: Stage, deed: str, actor: str, at: datetime, **details: Plain) -> Event:
    """Return what happened to a stage. The names of *details* are spelled with hyphens there."""
    return Event(
        at=at,
        actor=actor,
        action=deed,
        project=stage.project,
        version=stage.version,
        stage_id=stage.id,
        details=_hyphenated(details),
    )


def refusal_event(stage: Stage | None, actor: str, at: datetime, **details: Plain) -> Event:
    """Return that a write was refused, of a stage if one was meant that there is."""
    if stage is not None:
        return stage_event(stage, Deed.REFUSED, actor, at, **details)
    return Event(at, actor, Deed.REFUSED, details=_hyphenated(details))


def artifact_details(artifact: Artifact) -> Mapping[str, Plain]:
    """Return what tells an artifact from all others."""
    return {
        "filename": artifact.filename,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "form_sha256": artifact.form_sha256,
    }


def file_event(stage: Stage, upload: FileUpload, deed: Deed, actor: str, at: datetime) -> Event:
    """Return what happened to a file on its way in, with what is known of its bytes by then."""
    known: dict[str, Plain] = {"filename": upload.filename, "size": upload.size}
    if upload.received:
        known |= {"size": upload.received.size, "sha256": upload.received.sha256}
    if deed is Deed.FILE_EXTENDED:
        known["expires_at"] = rfc3339(upload.expires_at)
    if deed is Deed.FILE_FAILED:
        known["sentence"] = in_short("; ".join(upload.notices))
    return stage_event(stage, deed, actor, at, **known)


def in_short(sentence: str) -> str:
    """Return a sentence that is not longer than the trail can bear: clients have a say in some."""
    return sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}…"


def _hyphenated(details: Mapping[str, Plain]) -> dict[str, Plain]:
    return {name.replace("_", "-"): value for name, value in details.items()}
