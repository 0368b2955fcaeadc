"""A promotion over fakes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from packaging.utils import canonicalize_name

from stageproxy.core.errors import ConflictError, FailedBucketError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, new_journal
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.rights import Credential
from stageproxy.core.stage.stage import Artifact
from stageproxy.ports import UploadRequest
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.credentials import PromotionCredentials
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.runner import PromotionRunner
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.upstream_state import UpstreamReader
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_journal_store import DiedError, FakeJournalStore
from tests.support.ports.fake_publish_target import FakePublishTarget
from tests.support.promotion.promotions import TARGET

POLL = timedelta(seconds=10)
PATIENCE = timedelta(minutes=10)
PACE = Pace(parallel=4, poll=POLL, patience=PATIENCE, attempts=5)
SECRET = Credential("__token__", "pypi-secret")


def a_publish_target(
    fake_target: FakePublishTarget, pause: Callable[[timedelta], Awaitable[None]]
) -> PublishTarget:
    """Return a target whose index and upload API are a fake."""
    return PublishTarget(
        urls=TARGET,
        reader=UpstreamReader(fake_target, NameSearches(fake_target)),
        confirmed_listing=ConfirmedListing(fake_target, fake_target),
        upload_client=fake_target,
        credentials=PromotionCredentials("", {}, None, ""),
        pace=PACE,
        pause=pause,
        count=lambda _: None,
    )


@dataclass(slots=True)
class FakeUploadRequests:
    """The artifacts under their names; see `ports.UploadRequests`.

    *unreadable*: the names of those whose store fails.
    """

    unavailable: Collection[str] = ()
    unreadable: Collection[str] = ()

    @asynccontextmanager
    async def request_for(self, artifact: Artifact) -> AsyncIterator[UploadRequest]:
        """Return an artifact with an empty form; some raise."""
        if artifact.filename in self.unavailable:
            raise ConflictError(f"{artifact.filename} cannot be had.")
        if artifact.filename in self.unreadable:
            raise FailedBucketError("it does not answer")
        where = Path("stored") / artifact.sha256
        yield UploadRequest(artifact.filename, where, artifact.size, artifact.sha256, ())


@dataclass(slots=True)
class FakeCredentials:
    """A credential that is minted; see `ports.Credentials`. *failing*: the attempts that fail."""

    minted: int = 0
    failing: Collection[int] = ()

    async def get(self) -> Credential:
        """Return the credential."""
        self.minted += 1
        if self.minted in self.failing:
            raise UpstreamUnavailableError("The mint cannot be reached.")
        return SECRET


@dataclass(slots=True)
class FakePromotion:
    """A promotion on a fake index; *pause_seconds* is how long each pause really takes."""

    artifacts: Sequence[Artifact]
    clock: FakeClock = field(default_factory=FakeClock)
    pace: Pace = PACE
    upload_requests: FakeUploadRequests = field(default_factory=FakeUploadRequests)
    credentials: FakeCredentials = field(default_factory=FakeCredentials)
    pause_seconds: float = 0
    pauses: list[timedelta] = field(default_factory=list)
    reports: list[tuple[str, int]] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    fake_target: FakePublishTarget = field(init=False)
    journal_store: FakeJournalStore = field(init=False)

    def __post_init__(self) -> None:
        """Start with an empty index and a new journal."""
        self.fake_target = FakePublishTarget(self.clock)
        names = [one.filename for one in self.artifacts]
        self.journal_store = FakeJournalStore(dict(new_journal(names, self.clock.now())))

    @property
    def journal(self) -> dict[str, Entry]:
        """Return the stored journal."""
        return self.journal_store.stored

    async def run(self) -> list[str]:
        """Publish, and return how it ended."""
        runner = PromotionRunner(
            target=replace(a_publish_target(self.fake_target, self._pause), pace=self.pace),
            project=canonicalize_name("demo"),
            artifacts=self.artifacts,
            journal_store=self.journal_store,
            upload_requests=self.upload_requests,
            credentials=self.credentials,
            clock=self.clock,
            report=lambda name, size: self.reports.append((name, size)),
            wait_for=self.waits.append,
        )
        await runner.run()
        return self.journal_store.endings

    async def resume_with(self, journal_store: FakeJournalStore) -> bool:
        """Resume with another journal store; return whether all is published."""
        now = self.clock.now()
        journal_store.stored = {name: one.resumed(now) for name, one in self.journal.items()}
        self.journal_store = journal_store
        try:
            return await self.run() == ["published"]
        except DiedError:
            return False

    async def _pause(self, length: timedelta) -> None:
        """Advance the clock instead of waiting."""
        self.pauses.append(length)
        self.clock.time += length
        await asyncio.sleep(self.pause_seconds)
