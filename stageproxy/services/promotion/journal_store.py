"""The journal of a promotion in the catalogue."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.promotion import LostLeaseError, Promotion
from stageproxy.core.rights import ApiToken
from stageproxy.ports import Clock
from stageproxy.services.leases import Leases, of_promotion
from stageproxy.services.promotion.transactions import fail, get_promotion, record, succeed

log = logging.getLogger(__name__)

Work = Callable[[Rows, Promotion, datetime], None]


@dataclass(frozen=True, slots=True)
class CatalogueJournalStore:
    """Stores the journal of one stage's promotion; see `ports.JournalStore`.

    *sent_by*: the API token of a client that publishes, `None` if the server does. Then *leases*
    are those of the worker that publishes: with each change, it renews the lease of this promotion.
    """

    catalogue: Catalogue
    clock: Clock
    stage_id: str
    fence: int
    max_lifetime: timedelta
    sent_by: ApiToken | None = None
    leases: Leases | None = None

    async def entries(self) -> Journal:
        """Return the journal."""

        def work(rows: Rows) -> Journal:
            get_promotion(rows, self.stage_id, self.fence)
            return rows.promotions.find_journal(self.stage_id)

        return await self.catalogue.read(work)

    async def record(self, entries: Sequence[Entry]) -> None:
        """Store the progress of artifacts."""
        await self._fenced(
            lambda rows, promotion, now: record(
                rows,
                promotion,
                entries,
                now,
                max_lifetime=self.max_lifetime,
                sent_by=self.sent_by,
            )
        )

    async def renew(self) -> None:
        """Renew the lease."""
        await self._fenced(
            lambda rows, promotion, now: rows.promotions.save(promotion.renewed(now))
        )

    async def succeed(self) -> None:
        """End the promotion: the stage is published."""
        await self._fenced(succeed)
        log.info("stage %s: published", self.stage_id)

    async def fail(self, reason: str) -> None:
        """End the promotion in an error."""
        await self._fenced(
            lambda rows, promotion, now: fail(
                rows, promotion, reason, now, max_lifetime=self.max_lifetime
            )
        )

    async def _fenced(self, work: Work) -> None:
        """Run *work* in one transaction. Raise `LostLeaseError` if the lease was lost."""

        def fenced(rows: Rows) -> None:
            promotion = get_promotion(rows, self.stage_id, self.fence)
            if self.leases and not self.leases.take(rows, of_promotion(self.stage_id)):
                raise LostLeaseError
            work(rows, promotion, rows.now() or self.clock.now())

        await self.catalogue.write(fenced)
