"""Concurrent promotions, and changes of a stage during its promotion."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.rights import Credential
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from stageproxy.services.promotion.transactions import LiveProgress
from tests.batteries.promotion_violations import of_project, violations_in
from tests.batteries.report import SEED
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import History
from tests.support.servers.service import RunningService, running_service
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

JITTER = 0.1
HANG = 0.2
POLL = 0.005
LONGEST_LEASE = timedelta(days=30)


def publishing_on(index: FakeIndex) -> Mapping[str, Any]:
    """Return the settings to publish on an index, which is read all the time."""
    return {
        "repository_url": f"{index.url}/legacy/",
        "index_url": f"{index.url}/simple/",
        "token": UPLOAD_TOKEN,
        "poll": "0.01s",
    }


@dataclass(slots=True)
class Races:
    """A service with an index; each round has its own project."""

    service: RunningService
    random: Random = field(default_factory=lambda: Random(SEED))
    rounds: int = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, data: Path, index: FakeIndex) -> AsyncIterator[Self]:
        """Start a service that publishes on the same index."""
        async with running_service(data, index, promotion=publishing_on(index)) as service:
            yield cls(service)

    async def new_race(self) -> "Race":
        """Stage a release of two wheels and an sdist, and request its plan."""
        self.rounds += 1
        project = f"race-{self.rounds}"
        wheels = [a_wheel(project, tag=tag) for tag in ("py2-none-any", "py3-none-any")]
        stage = await self.service.staged(*wheels, an_sdist(project))
        plan = await self.service.api(
            "POST", f"stages/{stage['id']}/promotion/plan", publisher="server"
        )
        return Race(self.service, project, stage["id"], plan.document)

    async def at_random_time(self, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Run an action at once, or after a random pause."""
        await asyncio.sleep(max(0, self.random.uniform(-JITTER, JITTER)))
        return await act()

    def a_hanging_upload(self, race: "Race") -> Fault:
        """Return a fault that makes a random upload hang at a random point."""
        point = self.random.choice(list(FaultPoint))
        return Fault(point, FaultKind.HANG, self.random.choice(list(race.hashes)), seconds=HANG)


@dataclass(frozen=True, slots=True)
class Race:
    """One release that several clients publish or change; *plan* is the one they approved."""

    service: RunningService
    project: str
    stage_id: str
    plan: Mapping[str, Any]

    @property
    def hashes(self) -> Mapping[str, str]:
        """Return the SHA-256 of each file in the plan."""
        return {one["filename"]: one["sha256"] for one in self.plan["files"]}

    @property
    def on_index(self) -> Mapping[str, str]:
        """Return the SHA-256 of each file on the index."""
        project = self.service.index.projects.find(self.project)
        files = [one.distribution for one in project.files] if project else []
        return {one.filename: one.sha256 for one in files}

    async def promote(self, *, publisher: str = "server") -> Answer:
        """Request the promotion of the plan."""
        order = {
            "manifest-digest": self.plan["manifest-digest"],
            "acknowledged": self.plan["warnings-digest"],
            "publisher": publisher,
        }
        return await self.service.api("POST", f"stages/{self.stage_id}/promotion", **order)

    async def publish_as_client(self, fence: int) -> bool:
        """Publish with a lease, as a client; return whether the lease was held to the end."""
        parts = self.service.parts
        stage = await parts.database.read(lambda rows: rows.stages.find(self.stage_id))
        assert stage is not None
        journal_store = CatalogueJournalStore(
            parts.database, self.service.clock, self.stage_id, fence, LONGEST_LEASE
        )
        credential = Credential("__token__", UPLOAD_TOKEN)
        runner = parts.promotions.runner(stage, journal_store, credential, LiveProgress())
        try:
            await runner.run()
        except LostLeaseError:
            return False
        return True

    async def until_it_hangs(self) -> None:
        """Wait until an upload hangs."""
        while not any("hang" in one.answer for one in self._history.attempts):  # noqa: ASYNC110 - polled
            await asyncio.sleep(POLL)

    async def until_over(self) -> str:
        """Return the status of the stage when it is not being published any more."""
        while (status := await self.status()) == "processing":  # noqa: ASYNC110 - polled
            await asyncio.sleep(POLL)
        return status

    async def status(self) -> str:
        """Return the status of the stage."""
        return str((await self.service.api("GET", f"stages/{self.stage_id}")).document["status"])

    async def unrecorded(self) -> list[tuple[str, int]]:
        """Return the uploads so far whose answers were not recorded."""
        promotion = await self.service.api("GET", f"stages/{self.stage_id}/promotion")
        open_files = [
            name
            for name, file in promotion.document["files"].items()
            if file["progress"] in {"sending", "unknown"}
        ]
        return [
            (name, one.number)
            for name in open_files
            for one in self._history.attempts
            if one.filename == name
        ]

    def violations(self, unrecorded: Collection[tuple[str, int]] = ()) -> list[str]:
        """Return the violations of the guarantees, if the plan is what was published."""
        return violations_in(self._history, self.hashes, unrecorded)

    @property
    def uploads(self) -> int:
        """Return the number of uploads."""
        return len(self._history.attempts)

    @property
    def _history(self) -> History:
        return of_project(self.service.index.uploads.history, self.project)


def another_wheel(race: Race) -> Distribution:
    """Return a wheel that the release does not have."""
    return a_wheel(race.project, tag="cp313-none-any")


def changed_wheel(race: Race) -> Distribution:
    """Return other bytes under the name of a wheel of the release."""
    return a_wheel(race.project, summary="Another demo")
