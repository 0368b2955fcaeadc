"""Here is how a stage is published: examined, frozen, handed to whoever sends, watched."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from stageproxy.core.errors import (
    ConflictError,
    GoneError,
    NoRoomError,
    RefusedError,
)
from stageproxy.core.promotion.examination import Examination
from stageproxy.core.promotion.promotion import (
    LostLeaseError,
    Promotion,
    Publisher,
)
from stageproxy.core.promotion.request import PromotionRequest, check_order
from stageproxy.core.rights import Action, ApiToken, Credential
from stageproxy.core.stage.stage import Stage, Status, Step
from stageproxy.ports import ArtifactFiles, Catalogue, Clock, JournalStore, Rows
from stageproxy.services.background import Background
from stageproxy.services.promotion.credentials import GivenCredential
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.publish_target import PublishTarget, get_publish_target
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.services.promotion.transactions import begin, check_is_same, fail, take_over
from stageproxy.services.promotion.upload_requests import StoredUploadRequests
from stageproxy.services.promotion.view import PromotionView
from stageproxy.services.stages import Stages, get_stage, what_became_of

log = logging.getLogger(__name__)

_SILENT = "The publisher reported nothing for 15 minutes."
_RESTARTED = (
    "The server was restarted while it published. It has no credential: the one that came with the "
    "request was not stored."
)


@dataclass(frozen=True, slots=True)
class Promotions:
    """Publishes stages. *publish_target* is where to, if the settings say so."""

    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    stages: Stages
    publish_target: PublishTarget | None
    preflight: Preflight
    background: Background
    sent: dict[str, dict[str, int]] = field(default_factory=dict)

    async def examine(
        self,
        token: ApiToken,
        stage_id: str,
        publisher: Publisher,
        *,
        needs_credential: bool = False,
    ) -> Examination:
        """Return what is to be said of a stage before it is published.

        *needs_credential*: tell if the server has none to publish it with.
        """
        stage = await self._promotable(token, stage_id)
        examination = await self.preflight.examine(stage, self.get_publish_target(), publisher)
        missing = await self._why_no_credential(stage) if needs_credential else ()
        return replace(examination, notices=(*examination.notices, *missing))

    async def start(self, token: ApiToken, stage_id: str, order: PromotionRequest) -> PromotionView:
        """Freeze a stage, and begin to publish it unless somebody else is to send it.

        Raise what speaks against it; then the stage is as it was.
        """
        stage = await self._promotable(token, stage_id)
        publish_target = self.get_publish_target()
        credential = await self._credential_for(stage, order)
        examination = await self.preflight.examine(stage, publish_target, order.publisher)
        try:
            check_order(examination, order)
        except RefusedError:
            # An artifact that somebody removed meanwhile has no file, which is no damage.
            check_is_same(await self.catalogue.read(lambda rows: get_stage(rows, stage_id)), stage)
            raise
        view = await self.catalogue.write(
            lambda rows: begin(
                rows, examination, order, publish_target.urls, token.id, self.clock.now()
            )
        )
        log.info(
            "stage %s: frozen for publishing by token %s, manifest %s",
            stage_id,
            token.id,
            view.promotion.approval.manifest_digest,
        )
        if credential is not None:
            self._begin(view, credential)
        return view

    async def recover(self) -> None:
        """Go on with what a server was at when it stopped; a lease of its own is nobody's now."""
        for promotion in await self.catalogue.read(lambda rows: rows.list_promotions()):
            if promotion.ended_at is None and promotion.publisher is Publisher.SERVER:
                try:
                    await self._resume(promotion)
                except NoRoomError:
                    # A full disk must not keep the server from starting: it serves all the rest.
                    log.error("stage %s: no disk space to resume its promotion", promotion.stage_id)  # noqa: TRY400 - why is known

    async def lapse(self) -> None:
        """End promotions that nobody was heard of for too long; whoever wants may go on."""
        now = self.clock.now()

        def work(rows: Rows) -> None:
            for one in rows.list_promotions():
                if one.has_lapsed(now) and not self.background.is_running(one.stage_id):
                    fail(rows, one, _SILENT, now, longest=self._longest)

        await self.catalogue.write(work)

    async def _promotable(self, token: ApiToken, stage_id: str) -> Stage:
        await self.stages.get(token, stage_id, Action.PROMOTE)
        await self.lapse()
        stage = await self.stages.get(token, stage_id, Action.PROMOTE)
        if stage.status is Status.CANCELED:
            raise GoneError(what_became_of(stage))
        stage.after(Step.PROMOTE)
        return stage

    async def _why_no_credential(self, stage: Stage) -> Sequence[str]:
        """Return what keeps the server from publishing with a credential of its own, if it does."""
        try:
            await self._credential_for(stage, PromotionRequest(None, None))
        except ConflictError as error:
            return [error.sentence]
        return []

    async def _credential_for(self, stage: Stage, order: PromotionRequest) -> Credential | None:
        """Return what the server publishes with; nothing if somebody else is to send the stage."""
        if order.publisher is Publisher.CLIENT:
            return None
        configured = self.get_publish_target().credentials
        credential = order.credential or await configured.find(stage.project)
        if credential is None:
            raise ConflictError(
                "The server has no credential to publish with. Set promotion.token, pass one with "
                "`stageproxy promote --pypi-token-file FILE`, or publish from a machine that has "
                "one with `stageproxy promote --here`."
            )
        return credential

    async def _resume(self, promotion: Promotion) -> None:
        """Take over from a server that is gone, if the settings say where to and with what."""
        stage = await self.catalogue.read(lambda rows: rows.find_stage(promotion.stage_id))
        if stage is None or stage.status is not Status.PROCESSING:
            return
        now = self.clock.now()
        try:
            credential = await self._credential_to_go_on_with(stage, promotion)
        except ConflictError as error:
            reason = error.sentence
            await self.catalogue.write(
                lambda rows: fail(rows, promotion, reason, now, longest=self._longest)
            )
            return
        view = await self.catalogue.write(lambda rows: take_over(rows, stage, promotion, now))
        log.info("stage %s: resuming its promotion", stage.id)
        self._begin(view, credential)

    async def _credential_to_go_on_with(self, stage: Stage, promotion: Promotion) -> Credential:
        publish_target = self.get_publish_target()
        promotion.check_target(publish_target.urls)
        credential = await publish_target.credentials.find(stage.project)
        if credential is None:
            raise ConflictError(_RESTARTED)
        return credential

    def _begin(self, view: PromotionView, credential: Credential) -> None:
        """Publish in the background."""
        stage = view.stage
        # Another run of the same stage may begin before this one has quite ended.
        self.sent[stage.id] = {}
        progress = self.sent[stage.id]
        journal_store = CatalogueJournalStore(
            self.catalogue, self.clock, stage.id, view.promotion.fence, self._longest
        )
        runner = self.runner(stage, journal_store, credential, progress.__setitem__)
        publish = partial(self._publish, stage, journal_store, runner.run, progress)
        self.background.start(stage.id, publish)

    async def _publish(
        self,
        stage: Stage,
        journal_store: CatalogueJournalStore,
        run: Callable[[], Awaitable[None]],
        progress: dict[str, int],
    ) -> None:
        """Publish to the end, whatever that is: nothing that is raised here has anywhere to go."""
        try:
            await run()
        except LostLeaseError:
            log.warning("stage %s: another publisher took over its promotion", stage.id)
        except Exception:
            log.exception("stage %s: its promotion failed", stage.id)
            with suppress(LostLeaseError):
                await journal_store.fail("Internal error. See the server's log.")
        finally:
            if self.sent.get(stage.id) is progress:
                del self.sent[stage.id]

    def runner(
        self,
        stage: Stage,
        journal_store: JournalStore,
        credential: Credential,
        report: Callable[[str, int], None],
    ) -> PromotionRunner:
        """Return the runner that publishes a frozen stage from this server."""
        return PromotionRunner(
            target=self.get_publish_target(),
            project=stage.project,
            artifacts=stage.artifacts,
            journal_store=journal_store,
            upload_requests=StoredUploadRequests(self.catalogue, self.files, stage.id),
            credentials=GivenCredential(credential),
            clock=self.clock,
            report=report,
        )

    def get_publish_target(self) -> PublishTarget:
        """Return where stages are published; raise if nobody said so."""
        return get_publish_target(self.publish_target)

    @property
    def _longest(self) -> timedelta:
        return self.stages.limits.max_lifetime
