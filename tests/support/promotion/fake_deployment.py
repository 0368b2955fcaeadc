"""A deployment over fakes: a stage, an index, and servers that start and stop."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from stageproxy.catalogue import Rows
from stageproxy.core.errors import NoRoomError
from stageproxy.core.promotion.examination import PromotionRequest
from stageproxy.core.promotion.journal import Journal, Progress
from stageproxy.core.promotion.promotion import Promotion, Publisher, PublishUrls
from stageproxy.core.rights import ApiToken, Credential, TokenKind
from stageproxy.core.rules.findings import PYPI
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Artifact, Stage, Status
from stageproxy.services.background import Background
from stageproxy.services.dependencies import Dependencies
from stageproxy.services.findings import StageFindings
from stageproxy.services.leases import Leases
from stageproxy.services.promotion.credentials import PromotionCredentials
from stageproxy.services.promotion.orchestrate import Promotions
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.reports import PromotionReports
from stageproxy.services.promotion.transactions import PromotionView
from stageproxy.services.promotion.ways_out import WaysOut
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import StageLimits, Stages
from stageproxy.services.upstream_state import UpstreamReader
from tests.support.builders.distributions import Distribution, upload_form
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON, FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue
from tests.support.ports.fake_files import FakeFiles
from tests.support.ports.fake_publish_target import FakePublishTarget
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.promotion.fake_promotion import SECRET, a_publish_target
from tests.support.promotion.promotions import TARGET

TOKEN = ApiToken("t1", TokenKind.MANAGE, "demo", None, "d" * 64, NOON)
LIMITS = StageLimits(timedelta(days=7), timedelta(days=30), 10, timedelta(hours=1))


@dataclass(slots=True)
class PublishingServer:
    """A running server that publishes."""

    promotions: Promotions
    reports: PromotionReports
    stages: Stages
    ways_out: WaysOut
    leases: Leases

    async def promote(
        self,
        *,
        digest: str | None = None,
        acknowledged: str | None = "",
        publisher: Publisher = Publisher.SERVER,
        credential: Credential | None = None,
    ) -> PromotionView:
        """Start the promotion of the stage, and return its view."""
        order = PromotionRequest(digest, acknowledged, publisher, credential)
        return await self.promotions.start(TOKEN, "s1", order)

    async def stop(self) -> PromotionView:
        """Request to stop the promotion of the stage, and return its view."""
        await self.ways_out.stop(TOKEN, "s1")
        return await self.reports.show(TOKEN, "s1")

    async def give_up(self) -> Stage:
        """Give up what is not published of the stage, and return it."""
        await self.ways_out.give_up(TOKEN, "s1")
        return await self.stages.get(TOKEN, "s1")

    async def until_sending(self, *filenames: str) -> None:
        """Wait until these files are being sent."""
        while not set(filenames) <= set(await self._sending()):
            await self.run_briefly()

    async def run_briefly(self) -> None:
        """Let the server run for a moment."""
        await asyncio.sleep(0.001)

    async def end(self) -> None:
        """Wait until nothing is being published."""
        while self.promotions.background.is_running("s1"):
            await self.run_briefly()

    async def _sending(self) -> list[str]:
        journal = (await self.reports.show(TOKEN, "s1")).journal
        return [name for name, one in journal.items() if one.progress is Progress.SENDING]


@dataclass(slots=True)
class FakeDeployment:
    """A stage, its catalogue and files, and the index it is published on."""

    clock: FakeClock = field(default_factory=FakeClock)
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    settings: Credential | None = SECRET
    target: PublishUrls | None = TARGET
    token_file: Path | None = None
    pausing: tuple[asyncio.Event, asyncio.Event] | None = None
    files: FakeFiles = field(init=False)
    fake_target: FakePublishTarget = field(init=False)

    def __post_init__(self) -> None:
        """Start without a stage and with an empty index."""
        self.files = FakeFiles(self.clock)
        self.fake_target = FakePublishTarget(self.clock)

    async def stage(self, *distributions: Distribution, attestations: int = 0) -> Stage:
        """Stage a release, as after its uploads."""
        artifacts = [await self._store(one) for one in distributions]

        def work(rows: Rows) -> None:
            rows.tokens.save(TOKEN)
            rows.stages.save(a_stage())
            for one, artifact in zip(distributions, artifacts, strict=True):
                attested = replace(artifact, attestations=attestations)
                rows.artifacts.save("s1", attested, tuple(upload_form(one)), one.metadata)

        await self.catalogue.write(work)
        return await self.now()

    async def now(self) -> Stage:
        """Return the stage."""
        stage = await self.catalogue.read(lambda rows: rows.stages.find("s1"))
        assert stage is not None
        return stage

    async def change(self, **changes: object) -> None:
        """Change the stage without a server."""
        stage = replace(await self.now(), **changes)  # type: ignore[arg-type] # fields of a stage
        await self.catalogue.write(lambda rows: rows.stages.save(stage))

    async def status(self) -> tuple[Status, str]:
        """Return the status of the stage and its reason."""
        stage = await self.now()
        return stage.status, stage.reason or ""

    async def digest(self) -> str:
        """Return the manifest digest of the stage."""
        return manifest_digest((await self.now()).artifacts)

    async def promotion(self) -> Promotion:
        """Return the stored promotion."""
        found = await self.catalogue.read(lambda rows: rows.promotions.find("s1"))
        assert found is not None
        return found

    async def journal(self) -> Journal:
        """Return the stored journal."""
        return await self.catalogue.read(lambda rows: rows.promotions.find_journal("s1"))

    @asynccontextmanager
    async def server(self, *, is_alone: bool = True) -> AsyncIterator[PublishingServer]:
        """Start a server, which resumes the promotions of the last one.

        Unless it *is_alone*, it is another worker beside those that run.
        """
        stages = Stages(self.catalogue, self.clock, StageUrls("http://stage", b"secret"), LIMITS)
        publish_target = self._publish_target(self.target) if self.target else None
        index = self.fake_target
        findings = StageFindings(
            self.catalogue,
            UpstreamReader(index, NameSearches(index), fresh=False),
            Dependencies(index),
            InProcessInspector(),
            self.clock,
            PYPI,
        )
        leases = Leases(self.catalogue, self.clock, secrets.token_hex(8))
        with suppress(NoRoomError):
            if is_alone:
                await leases.end_all()
        preflight = Preflight(self.catalogue, self.files, InProcessInspector(), findings)
        promotions = Promotions(
            self.catalogue,
            self.files,
            self.clock,
            stages,
            publish_target,
            preflight,
            Background(),
            leases,
        )
        reports = PromotionReports(
            self.catalogue, self.clock, stages, publish_target, promotions.live
        )
        async with promotions.background.open():
            await promotions.recover()
            ways_out = WaysOut(
                self.catalogue, self.clock, stages, promotions.is_running, publish_target
            )
            yield PublishingServer(promotions, reports, stages, ways_out, leases)
        with suppress(NoRoomError):
            await leases.end(leases.holder)

    async def publish(self) -> tuple[Status, str]:
        """Let a server publish the stage, and return its status and reason."""
        async with self.server() as server:
            await server.promote()
            await server.end()
        return await self.status()

    def _publish_target(self, target: PublishUrls) -> PublishTarget:
        credentials = PromotionCredentials("", {}, self.token_file, "", self.settings)
        return replace(
            a_publish_target(self.fake_target, self._pause), urls=target, credentials=credentials
        )

    async def _store(self, distribution: Distribution) -> Artifact:
        async with self.files.receive() as file:
            await file.write(distribution.content)
            received = await file.finish()
            await file.store()
            file.commit()
        form = upload_form(distribution)
        return replace(
            an_artifact(distribution.filename),
            summary=dict(form).get("summary"),
            requires_python=dict(form).get("requires_python"),
            requires_dist=tuple(value for name, value in form if name == "requires_dist"),
            sha256=received.sha256,
            blake2b_256=received.blake2b_256,
            md5=received.md5,
            size=received.size,
        )

    async def _pause(self, length: timedelta) -> None:
        """Advance the clock instead of waiting, unless the test decides when to go on."""
        self.clock.time += length
        await asyncio.sleep(0)
        if self.pausing is not None:
            began, can_go_on = self.pausing
            began.set()
            await can_go_on.wait()
