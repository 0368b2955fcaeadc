"""The work of a promotion in the background, which outlasts failures of the database."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import StorageError
from stageproxy.core.promotion.failures import Failures, count_failure
from stageproxy.core.promotion.journal import Journal
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import Clock, JournalStore
from stageproxy.services.background import Background
from stageproxy.services.leases import Leases, of_promotion
from stageproxy.services.live_stages import get_stage
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.services.promotion.transactions import (
    LiveProgress,
    PromotionView,
    get_promotion,
    take_over,
)

log = logging.getLogger(__name__)

RunnerOf = Callable[[Stage, JournalStore, LiveProgress], PromotionRunner]
"""What makes the runner of a stage, which records in a journal and shows its progress."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Carries out promotions whose leases this worker has.

    The lease is renewed with each change of the journal: what this worker begins to send, no
    other one sends before the lease has lapsed, and it is given up before that if it cannot be
    renewed.
    """

    catalogue: Catalogue
    clock: Clock
    leases: Leases
    background: Background
    live: dict[str, LiveProgress]
    max_lifetime: timedelta

    def start(self, view: PromotionView, runner_of: RunnerOf) -> None:
        """Publish a stage in the background."""
        # The next run of the same stage may start before this one has ended.
        progress = self.live[view.stage.id] = LiveProgress()
        self.background.start(view.stage.id, partial(self._publish, view, runner_of, progress))

    async def _publish(
        self, view: PromotionView, runner_of: RunnerOf, progress: LiveProgress
    ) -> None:
        """Publish to the end. Raise nothing: this runs in the background."""
        stage_id = view.stage.id
        try:
            with self.leases.kept(of_promotion(stage_id)):
                fence = await self._publish_repeatedly(view, runner_of, progress)
        finally:
            if self.live.get(stage_id) is progress:
                del self.live[stage_id]
        await self._release(stage_id, fence)

    async def _publish_repeatedly(
        self, view: PromotionView, runner_of: RunnerOf, progress: LiveProgress
    ) -> int:
        """Publish, again after each failure of the database or the files; return the last fence."""
        failures: Failures | None = None
        while True:
            journal_store = self._journal_store(view)
            runner = runner_of(view.stage, journal_store, progress)
            error = await self._run(runner, journal_store)
            if error is None:
                break
            journal = await self._journal(view, journal_store)
            failures = count_failure(failures, journal, self.clock.now())
            present = await self._go_on(view, runner, failures, error)
            if present is None:
                break
            view = present
        return view.promotion.fence

    async def _journal(self, view: PromotionView, journal_store: CatalogueJournalStore) -> Journal:
        """Return the journal of a promotion, as it was if the database cannot be asked."""
        with suppress(LostLeaseError, StorageError):
            return await journal_store.entries()
        return view.journal

    async def _run(
        self, runner: PromotionRunner, journal_store: CatalogueJournalStore
    ) -> StorageError | None:
        """Publish until the end, or until a failure that another attempt may not meet."""
        try:
            await runner.run()
        except LostLeaseError:
            log.warning(
                "stage %s: its promotion was stopped, or another publisher took it over",
                journal_store.stage_id,
            )
        except StorageError as error:
            return error
        except Exception:
            log.exception("stage %s: its promotion failed", journal_store.stage_id)
            await self._fail(journal_store, "Internal error. See the server's log.")
        return None

    async def _go_on(
        self, view: PromotionView, runner: PromotionRunner, failures: Failures, error: StorageError
    ) -> PromotionView | None:
        """Return a promotion as it is once it can go on; `None` if it has ended, or is lost."""
        pause = failures.pause(self.clock.now(), runner.target.pace)
        if pause is None:
            await self._fail(self._journal_store(view), error.sentence)
            return None
        for more in count(failures.count + 1):
            await self._wait(view.stage, runner, error, pause)
            try:
                return await self.catalogue.write(lambda rows: self._take_again(rows, view))
            except LostLeaseError:
                log.warning("stage %s: another publisher took its promotion over", view.stage.id)
                return None
            except StorageError as again:
                error, pause = again, runner.target.pace.pause_after(more)
        return None

    async def _wait(
        self, stage: Stage, runner: PromotionRunner, error: StorageError, pause: timedelta
    ) -> None:
        runner.wait_for(f"Waiting after a failure of the server: {error.sentence}")
        log.warning("stage %s: its promotion waits: %s", stage.id, error.sentence)
        try:
            await runner.target.pause(pause)
        finally:
            runner.wait_for("")

    def _take_again(self, rows: Rows, view: PromotionView) -> PromotionView:
        """Take over from the former attempt of this worker, whose last file may have arrived."""
        promotion = get_promotion(rows, view.stage.id, view.promotion.fence)
        if not self.leases.take(rows, of_promotion(view.stage.id)):
            raise LostLeaseError
        return take_over(rows, get_stage(rows, view.stage.id), promotion, self.clock.now())

    def _journal_store(self, view: PromotionView) -> CatalogueJournalStore:
        return CatalogueJournalStore(
            self.catalogue,
            self.clock,
            view.stage.id,
            view.promotion.fence,
            self.max_lifetime,
            leases=self.leases,
        )

    async def _fail(self, journal_store: CatalogueJournalStore, reason: str) -> None:
        with suppress(LostLeaseError, StorageError):
            await journal_store.fail(reason)

    async def _release(self, stage_id: str, fence: int) -> None:
        """Remove the lease of a promotion that has ended, unless the next one has it."""

        def work(rows: Rows) -> None:
            promotion = rows.promotions.find(stage_id)
            if promotion is None or promotion.fence == fence:
                rows.leases.remove(of_promotion(stage_id))

        with suppress(StorageError):
            await self.catalogue.write(work)
