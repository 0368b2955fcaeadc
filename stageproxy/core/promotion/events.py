"""Audit events of promotions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from stageproxy.core.audit import SERVER, AuditAction, Event, PlainValue
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Promotion, Publisher
from stageproxy.core.stage.events import shortened, stage_event
from stageproxy.core.stage.stage import Stage

_ACTION_OF_PROGRESS: Mapping[Progress, AuditAction] = {
    Progress.PENDING: AuditAction.ARTIFACT_PENDING,
    Progress.SENDING: AuditAction.ARTIFACT_SENDING,
    Progress.SENT: AuditAction.ARTIFACT_SENT,
    Progress.CONFIRMED: AuditAction.ARTIFACT_CONFIRMED,
    Progress.REFUSED: AuditAction.ARTIFACT_REFUSED,
    Progress.UNKNOWN: AuditAction.ARTIFACT_UNKNOWN,
}
_WITH_SENTENCE = frozenset({Progress.SENT, Progress.REFUSED, Progress.UNKNOWN})


def promotion_event(
    stage: Stage, promotion: Promotion, action: AuditAction, at: datetime, **details: PlainValue
) -> Event:
    """Return the event of a promotion with *details* beside those that identify it."""
    actor = promotion.approval.by if promotion.publisher is Publisher.CLIENT else SERVER
    identity: dict[str, PlainValue] = {
        "manifest_digest": promotion.approval.manifest_digest,
        "publisher": promotion.publisher.value,
        "way": promotion.publisher.way,
        "fence": promotion.fence,
    }
    return stage_event(stage, action, actor, at, **identity, **details)


def begun_event(stage: Stage, promotion: Promotion, at: datetime) -> Event:
    """Return the event of a promotion that begins: what was approved, and where to publish."""
    approval = promotion.approval
    details: dict[str, PlainValue] = {
        "revision": approval.revision,
        "acknowledged": [shortened(one) for one in approval.acknowledged],
        "repository_url": promotion.target.repository_url,
        "index_url": promotion.target.index_url,
    }
    event = promotion_event(stage, promotion, AuditAction.PROMOTION_BEGUN, at, **details)
    return replace(event, actor=approval.by)


def entry_event(stage: Stage, promotion: Promotion, entry: Entry, at: datetime) -> Event:
    """Return the event of an artifact whose progress changed."""
    details: dict[str, PlainValue] = {"filename": entry.filename, "attempts": entry.attempts}
    if entry.progress in _WITH_SENTENCE:
        details["sentence"] = shortened(entry.sentence)
    if entry.url:
        details["url"] = entry.url
    return promotion_event(stage, promotion, _ACTION_OF_PROGRESS[entry.progress], at, **details)
