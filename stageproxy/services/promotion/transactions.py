"""The changes of a promotion in the catalogue, one transaction each."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stageproxy.catalogue import Rows
from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.events import begun_event, entry_event, promotion_event
from stageproxy.core.promotion.examination import (
    Examination,
    PromotionRequest,
    change_problems,
)
from stageproxy.core.promotion.journal import (
    Entry,
    Journal,
    anything_may_be_published,
    confirmed_in,
    is_anything_being_sent,
    new_journal,
)
from stageproxy.core.promotion.looks import LookKind, look_at
from stageproxy.core.promotion.outcome import (
    stop_message,
    stop_reason,
)
from stageproxy.core.promotion.promotion import (
    Approval,
    Promotion,
    Publisher,
    PublishUrls,
    StopRequestedError,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import shortened
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Stage, Status, Step, expiry_after_change
from stageproxy.services.access import require_still
from stageproxy.services.leases import shared_time
from stageproxy.services.live_stages import get_live, get_stage

log = logging.getLogger(__name__)


@dataclass(slots=True)
class LiveProgress:
    """The progress of a promotion that this server carries out, which is only in memory.

    `sent` is how many bytes of each file were sent, and `waits_for` a sentence on what the
    promotion waits for, empty unless it does.
    """

    sent: dict[str, int] = field(default_factory=dict)
    waits_for: str = ""

    def wait_for(self, sentence: str) -> None:
        """Say what the promotion waits for."""
        self.waits_for = sentence


@dataclass(frozen=True, slots=True)
class PromotionView:
    """The present state of a promotion, with the `LiveProgress` of this server."""

    stage: Stage
    promotion: Promotion
    journal: Journal
    sent: Mapping[str, int] = field(default_factory=dict)
    waits_for: str = ""


def begin(
    rows: Rows,
    examination: Examination,
    request: PromotionRequest,
    target: PublishUrls,
    by: str,
    now: datetime,
) -> PromotionView:
    """Freeze the stage that was examined and start its promotion. *by*: the id of an API token.

    Raise `ConflictError` if the stage was changed since, or is being published.
    """
    stage = get_live(rows, examination.stage.id, now)
    frozen = replace(stage, status=stage.after(Step.PROMOTE), reason=None)
    check_is_same(stage, examination.stage, rows.tokens.names())
    former = rows.promotions.find(stage.id)
    if former is not None:
        former.check_target(target)
    journal = _resumed_journal(rows, stage, former, now)
    promotion = Promotion(
        stage_id=stage.id,
        approval=Approval(
            manifest_digest=manifest_digest(stage.artifacts),
            revision=stage.revision,
            by=by,
            at=now,
            acknowledged=tuple(examination.warnings),
        ),
        target=target,
        publisher=request.publisher,
        fence=former.fence + 1 if former else 1,
        leased_until=now,
        first_sent_at=former.first_sent_at if former else None,
        notices=examination.notices,
    ).renewed(shared_time(rows, now))
    rows.stages.save(frozen)
    rows.promotions.save(promotion)
    rows.looks.save(look_at(frozen, by, LookKind.APPROVAL, now))
    rows.audit.add(begun_event(frozen, promotion, now))
    return PromotionView(frozen, promotion, journal)


def take_over(rows: Rows, stage: Stage, promotion: Promotion, now: datetime) -> PromotionView:
    """Give the lease of a promotion to a new holder."""
    resumed = replace(promotion, fence=promotion.fence + 1).renewed(shared_time(rows, now))
    rows.promotions.save(resumed)
    rows.audit.add(promotion_event(stage, resumed, AuditAction.PROMOTION_RESUMED, now))
    return PromotionView(stage, resumed, _resumed_journal(rows, stage, resumed, now))


def record(
    rows: Rows,
    promotion: Promotion,
    entries: Sequence[Entry],
    now: datetime,
    *,
    max_lifetime: timedelta,
    sent_by: ApiToken | None = None,
) -> None:
    """Store the progress of artifacts, and renew the lease.

    Once a stop was requested, no file can begin to be sent, and the promotion ends with
    the last answer that it waits for. *sent_by*: the API token of a client that publishes. If
    it is not valid any more, no file can begin to be sent; what was sent already is recorded.
    """
    known = rows.promotions.find_journal(promotion.stage_id)
    stage = get_stage(rows, promotion.stage_id)
    promotion = promotion.renewed(shared_time(rows, now))
    for entry in entries:
        if entry.filename not in known:
            raise ConflictError(f"{entry.filename} is not one of the approved files.")
        former = known[entry.filename]
        if former.begins(entry):
            _check_can_send(rows, stage, promotion, sent_by, now)
        if not former.is_followed_by(entry):
            raise ConflictError(
                f"{entry.filename} is recorded as {former.progress} and cannot become "
                f"{entry.progress}."
            )
        save_entry(rows, stage, promotion, entry, now)
        promotion = promotion.after(entry)
    rows.promotions.save(promotion)
    end_if_stopped(rows, promotion, now, max_lifetime=max_lifetime)


def succeed(rows: Rows, promotion: Promotion, now: datetime) -> None:
    """End a promotion: the stage is published. Raise unless every artifact is confirmed."""
    stage = get_stage(rows, promotion.stage_id)
    journal = rows.promotions.find_journal(promotion.stage_id)
    check_all_confirmed(stage, journal)
    rows.stages.save(
        replace(stage, status=stage.after(Step.SUCCEED), sent=True, ended_at=now, reason=None)
    )
    rows.promotions.save(replace(promotion, ended_at=now))
    rows.audit.add(promotion_event(stage, promotion, AuditAction.PUBLISHED, now))


def fail(
    rows: Rows, promotion: Promotion, reason: str, now: datetime, *, max_lifetime: timedelta
) -> None:
    """End a promotion in an error.

    The stage can be changed again if no file can be on the index. Otherwise it
    can only be promoted again.
    """
    stage = get_stage(rows, promotion.stage_id)
    journal = rows.promotions.find_journal(promotion.stage_id)
    is_sent = anything_may_be_published(journal)
    sentences = stop_message(reason, stage, journal, promotion)
    rows.stages.save(
        replace(
            stage,
            status=stage.after(Step.FAIL),
            sent=is_sent,
            reason=sentences,
            expires_at=expiry_after_change(stage, now, longest=max_lifetime),
        )
    )
    first = promotion.first_sent_at if is_sent else None
    rows.promotions.save(replace(promotion, ended_at=now, first_sent_at=first))
    stopped = promotion_event(
        stage,
        promotion,
        AuditAction.PROMOTION_STOPPED,
        now,
        sentence=shortened(sentences),
        sent=is_sent,
    )
    rows.audit.add(stopped)
    level = logging.INFO if promotion.stop else logging.ERROR
    log.log(level, "stage %s: its promotion stopped: %s", stage.id, sentences)


def end_abandoned(
    rows: Rows, promotion: Promotion, reason: str, now: datetime, *, max_lifetime: timedelta
) -> None:
    """End a promotion that nobody carries out any more: as stopped, or else for a *reason*."""
    stopped = stop_reason(promotion, rows.tokens.names())
    fail(rows, promotion, stopped or reason, now, max_lifetime=max_lifetime)


def get_promotion(rows: Rows, stage_id: str, fence: int) -> Promotion:
    """Return a stage's promotion. Raise `ConflictError` unless *fence* is that of its lease."""
    promotion = rows.promotions.find(stage_id)
    if promotion is None:
        raise ConflictError("The stage is not being published.")
    promotion.check_fence(fence)
    return promotion


def check_is_same(stage: Stage, examined: Stage, names: Mapping[str, str]) -> None:
    """Raise `ConflictError` with what has changed, if a stage was changed since it was examined."""
    if stage.revision != examined.revision:
        raise ConflictError(
            f"Stage {stage.release} changed in the meantime. Review it, and run "
            "`stageproxy promote STAGE` again.",
            change_problems(examined.artifacts, stage, names),
        )


def check_all_confirmed(stage: Stage, journal: Journal) -> None:
    """Raise `ConflictError` unless a journal has every artifact as confirmed."""
    missing = set(journal) - {entry.filename for entry in confirmed_in(journal)}
    missing |= {one.filename for one in stage.artifacts} - set(journal)
    if missing:
        raise ConflictError(f"Files that are not confirmed yet: {', '.join(sorted(missing))}.")


def save_entry(rows: Rows, stage: Stage, promotion: Promotion, entry: Entry, now: datetime) -> None:
    """Store the entry of an artifact, with its event."""
    rows.promotions.save_entry(stage.id, entry)
    rows.audit.add(entry_event(stage, promotion, entry, now))


def end_if_stopped(
    rows: Rows,
    promotion: Promotion,
    now: datetime,
    *,
    max_lifetime: timedelta,
    is_running: bool = True,
) -> None:
    """End a promotion that was stopped, unless its publisher is sending a file."""
    reason = stop_reason(promotion, rows.tokens.names())
    if reason is None:
        return
    if is_running and is_anything_being_sent(rows.promotions.find_journal(promotion.stage_id)):
        return
    fail(rows, promotion, reason, now, max_lifetime=max_lifetime)


def _check_can_send(
    rows: Rows, stage: Stage, promotion: Promotion, sent_by: ApiToken | None, now: datetime
) -> None:
    """Raise if no other file may be sent: the promotion was stopped, or the token revoked."""
    if promotion.stop:
        raise StopRequestedError
    if sent_by is not None:
        require_still(rows, sent_by, Action.PROMOTE, stage.project, stage.version, now)


def _resumed_journal(rows: Rows, stage: Stage, former: Promotion | None, now: datetime) -> Journal:
    """Return the journal that a promotion starts with: a new one if nothing can be published yet.

    A file that a client reported as confirmed has to be confirmed by the server.
    """
    was_begun = stage.sent or stage.status is Status.PROCESSING
    known = rows.promotions.find_journal(stage.id) if was_begun else {}
    if not known:
        rows.promotions.remove_journal(stage.id)
    if former is not None and former.publisher is Publisher.CLIENT:
        known = {name: entry.unconfirmed(now) for name, entry in known.items()}
    new = new_journal([one.filename for one in stage.artifacts], now)
    journal = {**new, **{name: entry.resumed(now) for name, entry in known.items()}}
    for entry in journal.values():
        rows.promotions.save_entry(stage.id, entry)
    return journal
