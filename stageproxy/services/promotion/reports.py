"""Here is how a promotion is followed: shown, told of by whoever sends elsewhere, its receipt."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from stageproxy.core.errors import ConflictError, NotFoundError, StageproxyError
from stageproxy.core.index.pages import UnreadablePageError
from stageproxy.core.promotion.confirmation import check_is_listed, unreadable_index
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.outcome import receipt
from stageproxy.core.promotion.promotion import (
    CLOSES_AFTER,
    Publisher,
    reminder_interval,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.core.values import FormFields
from stageproxy.ports import Catalogue, Clock, Rows
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from stageproxy.services.promotion.lease_keeper import renewing_lease
from stageproxy.services.promotion.publish_target import PublishTarget, get_publish_target
from stageproxy.services.promotion.transactions import check_all_confirmed, get_promotion
from stageproxy.services.promotion.view import PromotionView
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)

_NEVER_PROMOTED = frozenset({Status.OPEN, Status.CANCELED})


class Ending(StrEnum):
    """How a promotion ends that is carried out elsewhere."""

    PUBLISHED = "published"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """What whoever sends elsewhere has to tell: steps since the last time, and the end, if it is.

    Without either it is a sign of life.
    """

    fence: int
    entries: Sequence[Entry] = ()
    ending: Ending | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PromotionReports:
    """Tells of promotions; *sent* is how far the files are that this server sends.

    *publish_target* is where to look whether a release is out, if the settings say so.
    """

    catalogue: Catalogue
    clock: Clock
    stages: Stages
    publish_target: PublishTarget | None
    sent: Mapping[str, Mapping[str, int]]
    reminded: dict[str, datetime] = field(default_factory=dict)

    async def show(self, token: ApiToken, stage_id: str) -> PromotionView:
        """Return how far the promotion of a stage is."""
        stage = await self.stages.get(token, stage_id)
        return await self.catalogue.read(lambda rows: self._view(rows, stage))

    async def journal_of(self, stage: Stage) -> Journal:
        """Return how far each file of a stage is, for whoever may see the stage."""
        if stage.status in _NEVER_PROMOTED:
            return {}
        return await self.catalogue.read(lambda rows: rows.find_journal(stage.id))

    async def receipt(self, token: ApiToken, stage_id: str) -> dict[str, Any]:
        """Return what a published stage can show for itself."""
        view = await self.show(token, stage_id)
        if view.stage.status is not Status.PUBLISHED:
            raise ConflictError(
                f"Stage {view.stage.release} is {view.stage.status}. Only a published stage has a "
                "receipt."
            )
        return receipt(view.stage, view.promotion, view.journal)

    async def form(self, token: ApiToken, stage_id: str, filename: str) -> FormFields:
        """Return the form that an artifact came with, for who publishes it elsewhere."""
        stage = await self.stages.get(token, stage_id, Action.PROMOTE)
        if stage.find_artifact(filename) is None:
            raise NotFoundError(f"Stage {stage.release} has no file {filename}.")
        return await self.catalogue.read(lambda rows: rows.find_form(stage_id, filename))

    async def take(self, token: ApiToken, stage_id: str, report: Report) -> PromotionView:
        """Write down what is told of a promotion that is carried out elsewhere.

        When that was is for our clock to say: half a release is judged by its age.
        """
        stage = await self.stages.get(token, stage_id, Action.PROMOTE)
        await self.catalogue.read(lambda rows: _check_is_elsewhere(rows, stage_id, report))
        longest = self.stages.limits.max_lifetime
        journal_store = CatalogueJournalStore(
            self.catalogue, self.clock, stage_id, report.fence, longest
        )
        now = self.clock.now()
        await journal_store.record([replace(one, changed_at=now) for one in report.entries])
        match report.ending:
            case Ending.PUBLISHED:
                await self._publish(stage, journal_store)
            case Ending.ERROR:
                await journal_store.fail(report.reason)
            case None:
                pass
        return await self.show(token, stage_id)

    async def remind(self) -> None:
        """Warn of releases that are half published: PyPI closes them two weeks after the start."""
        now = self.clock.now()
        for one in await self.catalogue.read(lambda rows: rows.list_promotions()):
            interval = reminder_interval(one.first_sent_at, now)
            last = self.reminded.get(one.stage_id)
            if interval and one.first_sent_at and (last is None or now - last >= interval):
                self.reminded[one.stage_id] = now
                log.warning(
                    "stage %s: partly published since %s; PyPI closes the release on %s",
                    one.stage_id,
                    one.first_sent_at.date(),
                    (one.first_sent_at + CLOSES_AFTER).date(),
                )

    async def _publish(self, stage: Stage, journal_store: CatalogueJournalStore) -> None:
        """Let a stage be published once the index shows us every file: it is not taken on trust.

        Where they are is journaled as we see it, too: readers of the stage are led there.
        """
        journal = await journal_store.entries()
        check_all_confirmed(stage, journal)
        publish_target = get_publish_target(self.publish_target)
        promotion = await self.catalogue.read(
            lambda rows: get_promotion(rows, stage.id, journal_store.fence)
        )
        promotion.check_target(publish_target.urls)
        async with renewing_lease(journal_store, publish_target.pace.renew):
            urls = await _urls_on(publish_target.confirmed_listing, stage)
        now = self.clock.now()
        await journal_store.record(
            [journal[name].confirmed(url, now) for name, url in urls.items()]
        )
        await journal_store.succeed()

    def _view(self, rows: Rows, stage: Stage) -> PromotionView:
        promotion = rows.find_promotion(stage.id)
        if promotion is None:
            raise NotFoundError(f"Stage {stage.release} has not been promoted yet.")
        sent = dict(self.sent.get(stage.id, {}))
        return PromotionView(stage, promotion, rows.find_journal(stage.id), sent)


def _check_is_elsewhere(rows: Rows, stage_id: str, report: Report) -> None:
    if get_promotion(rows, stage_id, report.fence).publisher is not Publisher.CLIENT:
        raise ConflictError(
            "The server publishes this stage itself and accepts no reports about it."
        )


async def _urls_on(confirmed_listing: ConfirmedListing, stage: Stage) -> Mapping[str, str]:
    """Return where the index has each file of a stage; raise unless it has them all, as staged."""
    with _failing_as_unavailable():
        shown = await confirmed_listing.files_of(stage.project)
    # Nothing is downloaded for its hash while something else is missing.
    check_is_listed(stage.artifacts, shown)
    with _failing_as_unavailable():
        seen = await confirmed_listing.with_hashes(shown, [one.filename for one in stage.artifacts])
    check_is_listed(stage.artifacts, seen)
    return {name: one.url for name, one in seen.items()}


@contextmanager
def _failing_as_unavailable() -> Iterator[None]:
    """Say of whatever keeps us from seeing what the index has that it may be tried again."""
    try:
        yield
    except (StageproxyError, UnreadablePageError) as error:
        raise unreadable_index(error) from error
