"""Here is what the audit trail says of changes of stages, and of files on their way in."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from stageproxy.core.audit import SERVER, Deed, Event, Plain
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Promotion, Way
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

_DEED_OF_PROGRESS: Mapping[Progress, Deed] = {
    Progress.PENDING: Deed.ARTIFACT_PENDING,
    Progress.SENDING: Deed.ARTIFACT_SENDING,
    Progress.SENT: Deed.ARTIFACT_SENT,
    Progress.CONFIRMED: Deed.ARTIFACT_CONFIRMED,
    Progress.REFUSED: Deed.ARTIFACT_REFUSED,
    Progress.UNKNOWN: Deed.ARTIFACT_UNKNOWN,
}
_SAYING = frozenset({Progress.SENT, Progress.REFUSED, Progress.UNKNOWN})
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


def promotion_event(
    stage: Stage, promotion: Promotion, deed: Deed, at: datetime, **details: Plain
) -> Event:
    """Return what happened to a promotion; *details* come beside what tells it from all others."""
    actor = promotion.approval.by if promotion.way is Way.HERE else SERVER
    told: dict[str, Plain] = {
        "manifest_digest": promotion.approval.manifest_digest,
        "way": promotion.way.value,
        "fence": promotion.fence,
    }
    return stage_event(stage, deed, actor, at, **told, **details)


def begun_event(stage: Stage, promotion: Promotion, at: datetime) -> Event:
    """Return that somebody had a stage published: what was approved, where it goes."""
    approval = promotion.approval
    details: dict[str, Plain] = {
        "revision": approval.revision,
        "acknowledged": [in_short(one) for one in approval.acknowledged],
        "repository_url": promotion.target.repository_url,
        "index_url": promotion.target.index_url,
    }
    event = promotion_event(stage, promotion, Deed.PROMOTION_BEGUN, at, **details)
    return replace(event, actor=approval.by)


def entry_event(stage: Stage, promotion: Promotion, entry: Entry, at: datetime) -> Event:
    """Return how far an artifact is on its way to the index."""
    details: dict[str, Plain] = {"filename": entry.filename, "attempts": entry.attempts}
    if entry.progress in _SAYING:
        details["sentence"] = in_short(entry.said)
    if entry.url:
        details["url"] = entry.url
    return promotion_event(stage, promotion, _DEED_OF_PROGRESS[entry.progress], at, **details)


def in_short(sentence: str) -> str:
    """Return a sentence that is not longer than the trail can bear: clients have a say in some."""
    return sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 1]}…"


def _hyphenated(details: Mapping[str, Plain]) -> dict[str, Plain]:
    return {name.replace("_", "-"): value for name, value in details.items()}
