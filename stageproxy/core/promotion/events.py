"""Audit events of promotions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from stageproxy.core.audit import SERVER, Deed, Event, Plain
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Promotion, Way
from stageproxy.core.stage.events import in_short, stage_event
from stageproxy.core.stage.stage import Stage

_DEED_OF_PROGRESS: Mapping[Progress, Deed] = {
    Progress.PENDING: Deed.ARTIFACT_PENDING,
    Progress.SENDING: Deed.ARTIFACT_SENDING,
    Progress.SENT: Deed.ARTIFACT_SENT,
    Progress.CONFIRMED: Deed.ARTIFACT_CONFIRMED,
    Progress.REFUSED: Deed.ARTIFACT_REFUSED,
    Progress.UNKNOWN: Deed.ARTIFACT_UNKNOWN,
}
_SAYING = frozenset({Progress.SENT, Progress.REFUSED, Progress.UNKNOWN})


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
