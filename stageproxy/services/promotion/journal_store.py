"""Here is how the journal of a promotion is kept in the catalogue, and how it ends there."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.events import entry_event, promotion_event
from stageproxy.core.promotion.journal import Entry, Journal, anything_may_be_out, confirmed_in
from stageproxy.core.promotion.outcome import why_it_stopped
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.stage.events import in_short
from stageproxy.core.stage.stage import Stage, Step, expiry_after_change
from stageproxy.ports import Catalogue, Clock, Rows
from stageproxy.services.live_stages import get_stage

log = logging.getLogger(__name__)

Work = Callable[[Rows, Promotion, datetime], None]


@dataclass(frozen=True, slots=True)
class CatalogueJournalStore:
    """Keeps the journal of one stage's promotion; see `ports.JournalStore`."""

    catalogue: Catalogue
    clock: Clock
    stage_id: str
    fence: int
    longest: timedelta

    async def entries(self) -> Journal:
        """Return the journal as it is."""

        def work(rows: Rows) -> Journal:
            get_promotion(rows, self.stage_id, self.fence)
            return rows.promotions.find_journal(self.stage_id)

        return await self.catalogue.read(work)

    async def record(self, entries: Sequence[Entry]) -> None:
        """Keep how far artifacts are."""
        await self._fenced(lambda rows, held, now: record(rows, held, entries, now))

    async def renew(self) -> None:
        """Give a sign of life."""
        await self._fenced(lambda rows, held, now: rows.promotions.save(held.renewed(now)))

    async def succeed(self) -> None:
        """End the promotion: the stage is published."""
        await self._fenced(succeed)
        log.info("stage %s: published", self.stage_id)

    async def fail(self, reason: str) -> None:
        """End the promotion: it goes no further."""
        await self._fenced(
            lambda rows, held, now: fail(rows, held, reason, now, longest=self.longest)
        )

    async def _fenced(self, work: Work) -> None:
        """Do *work* in one transaction, unless somebody else has taken over."""
        now = self.clock.now()

        def fenced(rows: Rows) -> None:
            work(rows, get_promotion(rows, self.stage_id, self.fence), now)

        await self.catalogue.write(fenced)


def get_promotion(rows: Rows, stage_id: str, fence: int) -> Promotion:
    """Return a stage's promotion for the holder of its lease; raise for anybody else."""
    promotion = rows.promotions.find(stage_id)
    if promotion is None:
        raise ConflictError("The stage is not being published.")
    promotion.check_fence(fence)
    return promotion


def record(rows: Rows, held: Promotion, entries: Sequence[Entry], now: datetime) -> None:
    """Keep how far artifacts are, within a transaction; with none it is a sign of life."""
    known = rows.promotions.find_journal(held.stage_id)
    stage = get_stage(rows, held.stage_id)
    held = held.renewed(now)
    for entry in entries:
        if entry.filename not in known:
            raise ConflictError(f"{entry.filename} is not a part of what was approved.")
        former = known[entry.filename]
        if not former.is_followed_by(entry):
            raise ConflictError(
                f"{entry.filename} is {former.progress} in the journal, and cannot be "
                f"{entry.progress} after that."
            )
        rows.promotions.save_entry(held.stage_id, entry)
        rows.audit.add(entry_event(stage, held, entry, now))
        held = held.after(entry, now)
    rows.promotions.save(held)


def succeed(rows: Rows, held: Promotion, now: datetime) -> None:
    """Let a stage be published, within a transaction. Raise unless every artifact is confirmed."""
    stage = get_stage(rows, held.stage_id)
    journal = rows.promotions.find_journal(held.stage_id)
    check_all_confirmed(stage, journal)
    rows.stages.save(
        replace(stage, status=stage.after(Step.SUCCEED), sent=True, ended_at=now, reason=None)
    )
    rows.promotions.save(replace(held, ended_at=now))
    rows.audit.add(promotion_event(stage, held, AuditAction.PUBLISHED, now))


def check_all_confirmed(stage: Stage, journal: Journal) -> None:
    """Raise unless a journal says of every artifact that it is out."""
    missing = set(journal) - {entry.filename for entry in confirmed_in(journal)}
    missing |= {one.filename for one in stage.artifacts} - set(journal)
    if missing:
        raise ConflictError(f"Not every file is confirmed: {', '.join(sorted(missing))}.")


def fail(rows: Rows, held: Promotion, reason: str, now: datetime, *, longest: timedelta) -> None:
    """Let a promotion end in an error, within a transaction.

    If nothing can be out, the stage may be changed again; otherwise all that
    is left is to go on.
    """
    stage = get_stage(rows, held.stage_id)
    journal = rows.promotions.find_journal(held.stage_id)
    is_sent = anything_may_be_out(journal)
    told = why_it_stopped(reason, stage, journal, held.first_sent_at)
    rows.stages.save(
        replace(
            stage,
            status=stage.after(Step.FAIL),
            sent=is_sent,
            reason=told,
            expires_at=expiry_after_change(stage, now, longest=longest),
        )
    )
    first = held.first_sent_at if is_sent else None
    rows.promotions.save(replace(held, ended_at=now, first_sent_at=first))
    stopped = promotion_event(
        stage, held, AuditAction.PROMOTION_STOPPED, now, sentence=in_short(told), sent=is_sent
    )
    rows.audit.add(stopped)
    log.error("stage %s: its promotion stopped: %s", stage.id, told)
