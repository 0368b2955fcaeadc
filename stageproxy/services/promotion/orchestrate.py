"""Promotions from start to end: examined, frozen, published, resumed, expired."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import (
    ConflictError,
    GoneError,
    InvalidRequestError,
    Problem,
    RefusedError,
    StorageError,
)
from stageproxy.core.promotion.examination import (
    UNSEEN,
    Examination,
    PromotionRequest,
    StageHistory,
    check_request,
)
from stageproxy.core.promotion.looks import forms_in_doubt, look_at_content
from stageproxy.core.promotion.promotion import (
    Promotion,
    Publisher,
    StopRequestedError,
)
from stageproxy.core.rights import Action, ApiToken, Credential
from stageproxy.core.stage.lifetime import end_message
from stageproxy.core.stage.stage import Stage, Status, Step
from stageproxy.ports import ArtifactFiles, Clock, JournalStore
from stageproxy.services.access import require_still
from stageproxy.services.background import Background
from stageproxy.services.leases import Leases, of_promotion
from stageproxy.services.live_stages import get_stage
from stageproxy.services.promotion.credentials import GivenCredential
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.publish_target import (
    PublishTarget,
    StoredUploadRequests,
    get_publish_target,
)
from stageproxy.services.promotion.publishing import Publishing
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.services.promotion.transactions import (
    LiveProgress,
    PromotionView,
    begin,
    check_is_same,
    end_abandoned,
    take_over,
)
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)

_SILENT = "The publisher reported nothing for 15 minutes."
_UNNAMED = (
    "This server publishes only files that somebody has seen. Send the manifest digest of the "
    "session as `manifest-digest`."
)
_RESTARTED = (
    "The server was restarted while it was publishing, and the credential that came with the "
    "request was not stored."
)


@dataclass(frozen=True, slots=True)
class Promotions:
    """Publishes stages. *publish_target* is `None` if the settings name none.

    *needs_digest*: whether every request has to name the approved files. `live` has the
    progress of those that this server carries out, by stage.
    """

    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    stages: Stages
    publish_target: PublishTarget | None
    preflight: Preflight
    background: Background
    leases: Leases
    needs_digest: bool = False
    live: dict[str, LiveProgress] = field(default_factory=dict)

    async def examine(
        self,
        token: ApiToken,
        stage_id: str,
        publisher: Publisher,
        *,
        needs_credential: bool = False,
    ) -> Examination:
        """Return the findings about a stage before it is published.

        *needs_credential*: add a notice if the server has no credential for it.
        """
        stage = await self._promotable(token, stage_id)
        examination = await self.preflight.examine(stage, self.get_publish_target(), publisher)
        notices = await self.missing_credential(stage) if needs_credential else ()
        return replace(examination, notices=(*examination.notices, *notices))

    async def start(
        self, token: ApiToken, stage_id: str, request: PromotionRequest
    ) -> PromotionView:
        """Freeze a stage, and publish it in the background unless a client does.

        Raise `StageproxyError` if it cannot be published; the stage is then unchanged.
        """
        stage = await self._promotable(token, stage_id)
        if request.manifest_digest is None and self.needs_digest:
            problem = Problem("manifest-digest", "This key is missing.")
            raise InvalidRequestError(_UNNAMED, [problem])
        publish_target = self.get_publish_target()
        credential = await self._credential_for(stage, request)
        examination = await self.preflight.examine(stage, publish_target, request.publisher)
        if request.manifest_digest is None:
            examination = replace(examination, notices=(*examination.notices, UNSEEN))
        try:
            await self._check_request(token, examination, request)
        except RefusedError:
            # A file that was removed in the meantime is not damaged.
            await self.catalogue.read(
                lambda rows: check_is_same(get_stage(rows, stage_id), stage, rows.tokens.names())
            )
            raise

        def work(rows: Rows) -> PromotionView:
            now = self.clock.now()
            require_still(rows, token, Action.PROMOTE, stage.project, stage.version, now)
            if request.publisher is Publisher.SERVER:
                self.leases.take(rows, of_promotion(stage_id))
            at = rows.now() or now
            return begin(rows, examination, request, publish_target.urls, token.id, at)

        view = await self.catalogue.write(work)
        log.info(
            "stage %s: frozen for publishing by token %s, manifest %s",
            stage_id,
            token.label,
            view.promotion.approval.manifest_digest,
        )
        if credential is not None:
            self._publish_in_background(view, credential)
        return view

    async def _check_request(
        self, token: ApiToken, examination: Examination, request: PromotionRequest
    ) -> None:
        """Raise unless the stage is the approved one, with what has changed since it was shown."""
        stage = examination.stage

        def work(rows: Rows) -> StageHistory:
            looks = rows.looks.list(stage.id)
            approved = (request.manifest_digest, request.revision)
            return StageHistory(
                seen=look_at_content(looks, token.id, *approved),
                forms=forms_in_doubt(stage, rows.audit.list(stage.id)),
                names=rows.tokens.names(),
            )

        check_request(examination, request, await self.catalogue.read(work))

    async def recover(self) -> None:
        """Resume the promotions that a worker of this server published when it ended."""
        for promotion in await self.catalogue.read(self._left_behind):
            if not self.background.is_running(promotion.stage_id):
                try:
                    await self._resume(promotion)
                except StorageError as error:
                    # A full disk must not prevent the start: everything else can be served.
                    log.error(  # noqa: TRY400 - the reason is known
                        "stage %s: its promotion was not resumed: %s",
                        promotion.stage_id,
                        error.sentence,
                    )

    async def end_lapsed(self) -> None:
        """End the promotions whose leases have run out, so that they can be started again."""

        def work(rows: Rows) -> None:
            now = rows.now() or self.clock.now()
            for promotion in rows.promotions.list():
                if promotion.has_lapsed(now) and not self.is_running(rows, promotion.stage_id):
                    end_abandoned(rows, promotion, _SILENT, now, max_lifetime=self._max_lifetime)

        await self.catalogue.write(work)

    def is_running(self, rows: Rows, stage_id: str) -> bool:
        """Return whether this worker publishes a stage, or another one does."""
        is_running_here = self.background.is_running(stage_id)
        return is_running_here or self.leases.is_held(rows, of_promotion(stage_id))

    def _left_behind(self, rows: Rows) -> Sequence[Promotion]:
        return [
            one
            for one in rows.promotions.list()
            if one.ended_at is None
            and one.publisher is Publisher.SERVER
            and not self.is_running(rows, one.stage_id)
        ]

    async def _promotable(self, token: ApiToken, stage_id: str) -> Stage:
        """Return a stage that can be promoted. Raise if *token* or its status forbids it."""
        await self.stages.get(token, stage_id, Action.PROMOTE)
        await self.end_lapsed()
        stage = await self.stages.get(token, stage_id, Action.PROMOTE)
        if stage.status is Status.CANCELED:
            raise GoneError(end_message(stage))
        stage.after(Step.PROMOTE)
        return stage

    async def missing_credential(self, stage: Stage) -> Sequence[str]:
        """Return the notice that the server has no credential of its own for a stage, if so."""
        try:
            await self._credential_for(stage, PromotionRequest(None, None))
        except ConflictError as error:
            return [error.sentence]
        return []

    async def _credential_for(self, stage: Stage, request: PromotionRequest) -> Credential | None:
        """Return the credential to publish with; `None` if a client publishes the stage."""
        if request.publisher is Publisher.CLIENT:
            return None
        configured = self.get_publish_target().credentials
        credential = request.credential or await configured.find(stage.project)
        if credential is None:
            raise ConflictError(
                "The server has no credential to publish with. Set promotion.token, pass one with "
                "`stageproxy promote --pypi-token-file FILE`, or publish from a machine that has "
                "one with `stageproxy promote --here`."
            )
        return credential

    async def _resume(self, promotion: Promotion) -> None:
        """Continue a promotion after a restart; end it if there is no credential for it now."""
        stage = await self.catalogue.read(lambda rows: rows.stages.find(promotion.stage_id))
        if stage is None or stage.status is not Status.PROCESSING:
            return
        try:
            credential = await self._credential_to_resume_with(stage, promotion)
        except ConflictError as error:
            reason = error.sentence
            await self.catalogue.write(lambda rows: self._end(rows, promotion, reason))
            return
        view = await self.catalogue.write(lambda rows: self._take_over(rows, stage, promotion))
        if view is not None:
            log.info("stage %s: resuming its promotion", stage.id)
            self._publish_in_background(view, credential)

    def _end(self, rows: Rows, promotion: Promotion, reason: str) -> None:
        """End a promotion that was left behind, unless another worker has been faster."""
        if self._is_left_to_this_worker(rows, promotion):
            end_abandoned(
                rows, promotion, reason, self.clock.now(), max_lifetime=self._max_lifetime
            )
            rows.leases.remove(of_promotion(promotion.stage_id))

    def _take_over(self, rows: Rows, stage: Stage, promotion: Promotion) -> PromotionView | None:
        if not self._is_left_to_this_worker(rows, promotion):
            return None
        return take_over(rows, stage, promotion, self.clock.now())

    def _is_left_to_this_worker(self, rows: Rows, promotion: Promotion) -> bool:
        """Take the lease of a promotion that was left behind, and is as it was."""
        if rows.promotions.find(promotion.stage_id) != promotion:
            return False
        return self.leases.take(rows, of_promotion(promotion.stage_id))

    async def _credential_to_resume_with(self, stage: Stage, promotion: Promotion) -> Credential:
        if promotion.stop:
            raise StopRequestedError
        publish_target = self.get_publish_target()
        promotion.check_target(publish_target.urls)
        credential = await publish_target.credentials.find(stage.project)
        if credential is None:
            raise ConflictError(_RESTARTED)
        return credential

    def _publish_in_background(self, view: PromotionView, credential: Credential) -> None:
        def runner_of(
            stage: Stage, journal_store: JournalStore, progress: LiveProgress
        ) -> PromotionRunner:
            return self.runner(stage, journal_store, credential, progress)

        publishing = Publishing(
            self.catalogue, self.clock, self.leases, self.background, self.live, self._max_lifetime
        )
        publishing.start(view, runner_of)

    def runner(
        self,
        stage: Stage,
        journal_store: JournalStore,
        credential: Credential,
        progress: LiveProgress,
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
            report=progress.sent.__setitem__,
            wait_for=progress.wait_for,
        )

    def get_publish_target(self) -> PublishTarget:
        """Return where stages are published. Raise `ConflictError` if the settings name none."""
        return get_publish_target(self.publish_target)

    @property
    def _max_lifetime(self) -> timedelta:
        return self.stages.limits.max_lifetime
