"""The plan of a promotion, and the promotion, as JSON."""

from collections.abc import Mapping
from typing import Any

from stageproxy.core.promotion.examination import Examination
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.looks import Change, Differences, Look, change_sentence
from stageproxy.core.promotion.promotion import Approval, Publisher, PublishUrls
from stageproxy.core.rules.findings import Level, findings_json
from stageproxy.core.stage.listing import rfc3339
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact
from stageproxy.services.promotion.looks import History
from stageproxy.services.promotion.transactions import PromotionView
from stageproxy.web.documents.session_json import with_names

_WHOLE = frozenset({Progress.SENT, Progress.CONFIRMED})


def plan_json(
    examination: Examination, target: PublishUrls, publisher: Publisher, history: History
) -> dict[str, Any]:
    """Return what would be published, in which order, what has changed, and the findings."""
    stage, names = examination.stage, history.names
    return {
        "stage": stage.id,
        "project": stage.project,
        "version": stage.version,
        "manifest-digest": manifest_digest(stage.artifacts),
        "revision": stage.revision,
        "repository-url": target.repository_url,
        "index-url": target.index_url,
        "publisher": publisher.value,
        "files": [
            with_names(_planned(one, examination), names, "uploaded-by")
            for one in in_promotion_order(stage.artifacts)
        ],
        "changes": {
            "since-last-look": _differences(history.since_look, names),
            "since-last-approval": _differences(history.since_approval, names),
        },
        "other-forms": [with_names(_change(one, names), names, "by") for one in history.forms],
        "resumes": _resumed(history.resumes, examination, names),
        "refused": bool(examination.at_level(Level.REFUSE)),
        "findings": findings_json(examination.findings),
        "warnings-digest": examination.warnings_digest,
        "notices": list(examination.notices),
    }


def _planned(artifact: Artifact, examination: Examination) -> dict[str, Any]:
    return {
        "filename": artifact.filename,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "published": artifact.filename in examination.published,
        "uploaded-by": artifact.uploaded_by,
        "uploaded-at": rfc3339(artifact.uploaded_at),
    }


def _differences(differences: Differences, names: Mapping[str, str]) -> dict[str, Any]:
    look = differences.since
    return {
        "since": with_names(_look(look), names, "by") if look else None,
        "files": [with_names(_change(one, names), names, "by") for one in differences.changes],
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "kind": look.kind.value,
        "at": rfc3339(look.at),
        "by": look.token_id,
        "manifest-digest": look.manifest_digest,
        "revision": look.revision,
    }


def _change(change: Change, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "filename": change.filename,
        "change": change.kind.value,
        "old-sha256": change.old_sha256,
        "sha256": change.sha256,
        "by": change.by,
        "at": rfc3339(change.at) if change.at else None,
        "message": change_sentence(change, names),
    }


def _resumed(
    approval: Approval | None, examination: Examination, names: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the approval that a promotion of the stage would resume, if there is one."""
    if approval is None:
        return None
    document = {
        "approved-by": approval.by,
        "approved-at": rfc3339(approval.at),
        "covers-warnings": {*examination.warnings} <= {*approval.acknowledged},
    }
    return with_names(document, names, "approved-by")


def promotion_json(view: PromotionView) -> dict[str, Any]:
    """Return a promotion with the progress of each file."""
    stage, promotion = view.stage, view.promotion
    approval, stop = promotion.approval, promotion.stop
    ended_at, first_sent_at = promotion.ended_at, promotion.first_sent_at
    return {
        "stage": stage.id,
        "project": stage.project,
        "version": stage.version,
        "status": stage.status.value,
        "reason": stage.reason,
        "manifest-digest": approval.manifest_digest,
        "revision": approval.revision,
        "approved-by": approval.by,
        "approved-at": rfc3339(approval.at),
        "acknowledged": list(approval.acknowledged),
        "repository-url": promotion.target.repository_url,
        "index-url": promotion.target.index_url,
        "publisher": promotion.publisher.value,
        "way": promotion.publisher.way,
        "fence": promotion.fence,
        "leased-until": rfc3339(promotion.leased_until),
        "first-sent-at": rfc3339(first_sent_at) if first_sent_at else None,
        "stop-requested-at": rfc3339(stop.at) if stop else None,
        "stop-requested-by": stop.by if stop else None,
        "ended-at": rfc3339(ended_at) if ended_at else None,
        "files": {
            one.filename: {
                "size": one.size,
                "sent": _bytes_sent(one, view),
                **_entry(view.journal[one.filename]),
            }
            for one in in_promotion_order(stage.artifacts)
            if one.filename in view.journal
        },
        "waits-for": view.waits_for or None,
        "notices": list(promotion.notices),
    }


def _bytes_sent(artifact: Artifact, view: PromotionView) -> int:
    """Return how many bytes were sent: all of an accepted file, also if a client sent it."""
    if view.journal[artifact.filename].progress in _WHOLE:
        return artifact.size
    return view.sent.get(artifact.filename, 0)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "progress": entry.progress.value,
        "changed-at": rfc3339(entry.changed_at),
        "attempts": entry.attempts,
        "in-doubt": entry.in_doubt,
        "said": entry.sentence,
        "url": entry.url or None,
    }
