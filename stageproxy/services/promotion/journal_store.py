"""Here is how the journal of a promotion is kept in the catalogue, and how it ends there."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.ports import Catalogue, Clock, Rows
from stageproxy.services.promotion.transactions import fail, get_promotion, record, succeed

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
            return rows.find_journal(self.stage_id)

        return await self.catalogue.read(work)

    async def record(self, entries: Sequence[Entry]) -> None:
        """Keep how far artifacts are."""
        await self._fenced(lambda rows, held, now: record(rows, held, entries, now))

    async def renew(self) -> None:
        """Give a sign of life."""
        await self._fenced(lambda rows, held, now: rows.save_promotion(held.renewed(now)))

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
