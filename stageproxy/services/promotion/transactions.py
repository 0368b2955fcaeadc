"""The transactions of a promotion: what begins, changes and ends it in the catalogue."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.events import begun_event, entry_event, promotion_event
from stageproxy.core.promotion.examination import Examination
from stageproxy.core.promotion.journal import (
    Entry,
    Journal,
    anything_may_be_out,
    confirmed_in,
    new_journal,
)
from stageproxy.core.promotion.outcome import why_it_stopped
from stageproxy.core.promotion.promotion import Approval, Promotion, Publisher, PublishUrls
from stageproxy.core.promotion.request import PromotionRequest
from stageproxy.core.stage.events import in_short
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Stage, Status, Step, expiry_after_change
from stageproxy.ports import Rows
from stageproxy.services.promotion.view import PromotionView
from stageproxy.services.stages import get_live, get_stage

log = logging.getLogger(__name__)


def begin(
    rows: Rows,
    examination: Examination,
    order: PromotionRequest,
    target: PublishUrls,
    by: str,
    now: datetime,
) -> PromotionView:
    """Freeze what was examined; what comes later is in conflict. *by*: the id of an API token."""
    stage = get_live(rows, examination.stage.id, now)
    frozen = replace(stage, status=stage.after(Step.PROMOTE), reason=None)
    check_is_same(stage, examination.stage)
    former = rows.find_promotion(stage.id)
    if former is not None:
        former.check_target(target)
    journal = _journal_to_go_on_with(rows, stage, former, now)
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
        publisher=order.publisher,
        fence=former.fence + 1 if former else 1,
        leased_until=now,
        first_sent_at=former.first_sent_at if former else None,
        notices=examination.notices,
    ).renewed(now)
    rows.save_stage(frozen)
    rows.save_promotion(promotion)
    rows.add_event(begun_event(frozen, promotion, now))
    return PromotionView(frozen, promotion, journal)


def take_over(rows: Rows, stage: Stage, promotion: Promotion, now: datetime) -> PromotionView:
    """Let a promotion have a new holder, within a transaction."""
    taken = replace(promotion, fence=promotion.fence + 1).renewed(now)
    rows.save_promotion(taken)
    rows.add_event(promotion_event(stage, taken, AuditAction.PROMOTION_RESUMED, now))
    return PromotionView(stage, taken, _journal_to_go_on_with(rows, stage, taken, now))


def record(rows: Rows, held: Promotion, entries: Sequence[Entry], now: datetime) -> None:
    """Keep how far artifacts are, within a transaction; with none it is a sign of life."""
    known = rows.find_journal(held.stage_id)
    stage = get_stage(rows, held.stage_id)
    held = held.renewed(now)
    for entry in entries:
        if entry.filename not in known:
            raise ConflictError(f"{entry.filename} is not one of the approved files.")
        former = known[entry.filename]
        if not former.is_followed_by(entry):
            raise ConflictError(
                f"{entry.filename} is recorded as {former.progress} and cannot become "
                f"{entry.progress}."
            )
        rows.save_entry(held.stage_id, entry)
        rows.add_event(entry_event(stage, held, entry, now))
        held = held.after(entry, now)
    rows.save_promotion(held)


def succeed(rows: Rows, held: Promotion, now: datetime) -> None:
    """Let a stage be published, within a transaction. Raise unless every artifact is confirmed."""
    stage = get_stage(rows, held.stage_id)
    journal = rows.find_journal(held.stage_id)
    check_all_confirmed(stage, journal)
    rows.save_stage(
        replace(stage, status=stage.after(Step.SUCCEED), sent=True, ended_at=now, reason=None)
    )
    rows.save_promotion(replace(held, ended_at=now))
    rows.add_event(promotion_event(stage, held, AuditAction.PUBLISHED, now))


def fail(rows: Rows, held: Promotion, reason: str, now: datetime, *, longest: timedelta) -> None:
    """Let a promotion end in an error, within a transaction.

    If nothing can be out, the stage may be changed again; otherwise all that
    is left is to go on.
    """
    stage = get_stage(rows, held.stage_id)
    journal = rows.find_journal(held.stage_id)
    is_sent = anything_may_be_out(journal)
    told = why_it_stopped(reason, stage, journal, held.first_sent_at)
    rows.save_stage(
        replace(
            stage,
            status=stage.after(Step.FAIL),
            sent=is_sent,
            reason=told,
            expires_at=expiry_after_change(stage, now, longest=longest),
        )
    )
    first = held.first_sent_at if is_sent else None
    rows.save_promotion(replace(held, ended_at=now, first_sent_at=first))
    stopped = promotion_event(
        stage, held, AuditAction.PROMOTION_STOPPED, now, sentence=in_short(told), sent=is_sent
    )
    rows.add_event(stopped)
    log.error("stage %s: its promotion stopped: %s", stage.id, told)


def get_promotion(rows: Rows, stage_id: str, fence: int) -> Promotion:
    """Return a stage's promotion for the holder of its lease; raise for anybody else."""
    promotion = rows.find_promotion(stage_id)
    if promotion is None:
        raise ConflictError("The stage is not being published.")
    promotion.check_fence(fence)
    return promotion


def check_is_same(stage: Stage, examined: Stage) -> None:
    """Raise if a stage was changed since it was examined."""
    if stage.revision != examined.revision:
        raise ConflictError(
            f"Stage {stage.release} changed in the meantime. Review it, and run "
            "`stageproxy promote STAGE` again."
        )


def check_all_confirmed(stage: Stage, journal: Journal) -> None:
    """Raise unless a journal says of every artifact that it is out."""
    missing = set(journal) - {entry.filename for entry in confirmed_in(journal)}
    missing |= {one.filename for one in stage.artifacts} - set(journal)
    if missing:
        raise ConflictError(f"Files that are not confirmed yet: {', '.join(sorted(missing))}.")


def _journal_to_go_on_with(
    rows: Rows, stage: Stage, former: Promotion | None, now: datetime
) -> Journal:
    """Return the journal of a promotion that begins: a new one, if nothing can be out so far.

    What was only told to be out, by whoever published elsewhere, has to be seen first.
    """
    known = rows.find_journal(stage.id) if stage.sent or stage.status is Status.PROCESSING else {}
    if not known:
        rows.forget_journal(stage.id)
    if former is not None and former.publisher is Publisher.CLIENT:
        known = {name: it.unseen(now) for name, it in known.items()}
    names = [one.filename for one in stage.artifacts]
    journal = {**new_journal(names, now), **{name: it.resumed(now) for name, it in known.items()}}
    for entry in journal.values():
        rows.save_entry(stage.id, entry)
    return journal
