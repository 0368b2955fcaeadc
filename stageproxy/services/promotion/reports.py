"""Views of promotions, their receipts, and the reports of clients that publish."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import ConflictError, NotFoundError, StageproxyError
from stageproxy.core.promotion.confirmation import check_is_listed, unverifiable_release
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.outcome import receipt
from stageproxy.core.promotion.promotion import (
    CLOSES_AFTER,
    Publisher,
    PublishUrls,
    reminder_interval,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.core.values import FormFields
from stageproxy.ports import Clock
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from stageproxy.services.promotion.lease_keeper import renewing_lease
from stageproxy.services.promotion.publish_target import PublishTarget, get_publish_target
from stageproxy.services.promotion.transactions import (
    LiveProgress,
    PromotionView,
    check_all_confirmed,
    get_promotion,
)
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)

_NEVER_PROMOTED = frozenset({Status.OPEN, Status.CANCELED})


class Ending(StrEnum):
    """The end of a promotion, as a client reports it."""

    PUBLISHED = "published"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a client that publishes: entries that changed, and the end.

    An empty report renews the lease.
    """

    fence: int
    entries: Sequence[Entry] = ()
    ending: Ending | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PromotionReports:
    """Shows promotions, and accepts the reports of clients that publish.

    *publish_target* confirms what a client has published. *live* is the
    progress of those that this server carries out, by stage.
    """

    catalogue: Catalogue
    clock: Clock
    stages: Stages
    publish_target: PublishTarget | None
    live: Mapping[str, LiveProgress]
    reminded: dict[str, datetime] = field(default_factory=dict)

    async def show(self, token: ApiToken, stage_id: str) -> PromotionView:
        """Return the promotion of a stage."""
        stage = await self.stages.get(token, stage_id)
        return await self.catalogue.read(lambda rows: self._view(rows, stage))

    async def journal_of(self, stage: Stage) -> Journal:
        """Return the progress of each file of a stage; the caller checks who may see it."""
        if stage.status in _NEVER_PROMOTED:
            return {}
        return await self.catalogue.read(lambda rows: rows.promotions.find_journal(stage.id))

    async def target_of(self, stage: Stage) -> PublishUrls | None:
        """Return where a stage was published; the caller checks who may see it."""
        promotion = await self.catalogue.read(lambda rows: rows.promotions.find(stage.id))
        return promotion.target if promotion else None

    async def receipt(self, token: ApiToken, stage_id: str) -> dict[str, Any]:
        """Return the receipt of a published stage."""
        view = await self.show(token, stage_id)
        if view.stage.status is not Status.PUBLISHED:
            raise ConflictError(
                f"Stage {view.stage.release} is {view.stage.status}. Only a published stage has a "
                "receipt."
            )
        return receipt(view.stage, view.promotion, view.journal)

    async def form(self, token: ApiToken, stage_id: str, filename: str) -> FormFields:
        """Return the form that an artifact was uploaded with, for a client that publishes it."""
        stage = await self.stages.get(token, stage_id, Action.PROMOTE)
        if stage.find_artifact(filename) is None:
            raise NotFoundError(f"Stage {stage.release} has no file {filename}.")
        return await self.catalogue.read(lambda rows: rows.artifacts.find_form(stage_id, filename))

    async def accept(self, token: ApiToken, stage_id: str, report: Report) -> PromotionView:
        """Record the report of a client that publishes.

        Times are those of this server's clock: PyPI closes a release by its age. If *token* is
        revoked meanwhile, what it reports is recorded all the same, because it has happened;
        only no other file can begin to be sent.
        """
        stage = await self.stages.get(token, stage_id, Action.PROMOTE)
        await self.catalogue.read(lambda rows: _check_publisher(rows, stage_id, report))
        max_lifetime = self.stages.limits.max_lifetime
        journal_store = CatalogueJournalStore(
            self.catalogue, self.clock, stage_id, report.fence, max_lifetime, sent_by=token
        )
        now = self.clock.now()
        await journal_store.record([one.reported(now) for one in report.entries])
        match report.ending:
            case Ending.PUBLISHED:
                await self._publish(stage, journal_store)
            case Ending.ERROR:
                await journal_store.fail(report.reason)
            case None:
                pass
        return await self.show(token, stage_id)

    async def remind(self) -> None:
        """Log a warning for each partly published release: PyPI closes it after two weeks."""
        now = self.clock.now()
        for promotion in await self.catalogue.read(lambda rows: rows.promotions.list()):
            stage_id, first_sent_at = promotion.stage_id, promotion.first_sent_at
            interval = reminder_interval(first_sent_at, now)
            last = self.reminded.get(stage_id)
            if interval and first_sent_at and (last is None or now - last >= interval):
                self.reminded[stage_id] = now
                log.warning(
                    "stage %s: partially published since %s; PyPI closes the release on %s",
                    stage_id,
                    first_sent_at.date(),
                    (first_sent_at + CLOSES_AFTER).date(),
                )

    async def _publish(self, stage: Stage, journal_store: CatalogueJournalStore) -> None:
        """End a promotion once the index lists every file to this server.

        The URLs that are recorded are those of the index as well: readers of the
        stage are redirected there.
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
        promotion = rows.promotions.find(stage.id)
        if promotion is None:
            raise NotFoundError(f"Stage {stage.release} has not been promoted yet.")
        live = self.live.get(stage.id, LiveProgress())
        journal = rows.promotions.find_journal(stage.id)
        return PromotionView(stage, promotion, journal, dict(live.sent), live.waits_for)


def _check_publisher(rows: Rows, stage_id: str, report: Report) -> None:
    if get_promotion(rows, stage_id, report.fence).publisher is not Publisher.CLIENT:
        raise ConflictError(
            "The server publishes this stage itself and accepts no reports about it."
        )


async def _urls_on(confirmed_listing: ConfirmedListing, stage: Stage) -> Mapping[str, str]:
    """Return the URL of each file of a stage on the index. Raise unless it has all of them."""
    with _failing_as_unavailable():
        listed = await confirmed_listing.files_of(stage.project)
    # No file is downloaded for its hash while another one is missing.
    check_is_listed(stage.artifacts, listed)
    with _failing_as_unavailable():
        hashed = await confirmed_listing.with_hashes(listed, stage.artifacts)
    check_is_listed(stage.artifacts, hashed)
    return {name: file.url for name, file in hashed.items()}


@contextmanager
def _failing_as_unavailable() -> Iterator[None]:
    """Raise an error that can be retried for every failure to read the index."""
    try:
        yield
    except StageproxyError as error:
        raise unverifiable_release(error) from error
