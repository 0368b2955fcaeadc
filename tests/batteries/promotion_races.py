"""Promotions that meet each other, or changes of their stage: one service, many releases."""

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
from tests.batteries.promotion_history import broken_promises, of_project
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.asking import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import History
from tests.support.servers.service import RunningService, running_service
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN
from tests.support.uploads.faults import Fault, Moment, Way

SEED = 20261129
JITTER = 0.1
HANG = 0.2
GLANCE = 0.005
LONGEST_LEASE = timedelta(days=30)


@dataclass(slots=True)
class Arena:
    """A service over an index; each round has a project of its own."""

    service: RunningService
    random: Random = field(default_factory=lambda: Random(SEED))
    rounds: int = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, data: Path, index: FakeIndex) -> AsyncIterator[Self]:
        """Start a service that publishes on the index itself."""
        promotion = {
            "repository_url": f"{index.url}/legacy/",
            "index_url": f"{index.url}/simple/",
            "token": UPLOAD_TOKEN,
            "poll": "0.01s",
        }
        async with running_service(data, index, promotion=promotion) as service:
            yield cls(service)

    async def bout(self) -> "Bout":
        """Stage a release of two wheels and an sdist, and look at it."""
        self.rounds += 1
        project = f"race-{self.rounds}"
        wheels = [a_wheel(project, tag=tag) for tag in ("py2-none-any", "py3-none-any")]
        stage = await self.service.staged(*wheels, an_sdist(project))
        path = f"stages/{stage['id']}/promotion/plan"
        plan = await self.service.api("POST", path, publisher="server")
        return Bout(self.service, project, stage["id"], plan.document)

    async def at_some_moment(self, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do something at once, or after a moment, as the lot says."""
        await asyncio.sleep(max(0, self.random.uniform(-JITTER, JITTER)))
        return await act()

    def hang(self, bout: "Bout") -> Fault:
        """Return a fault that lets an upload hang somewhere, as the lot says."""
        moment = self.random.choice(list(Moment))
        return Fault(moment, Way.HANG, self.random.choice(list(bout.hashes)), seconds=HANG)


@dataclass(frozen=True, slots=True)
class Bout:
    """One release that several want to publish, or to change; *plan* is what was looked at."""

    service: RunningService
    project: str
    stage_id: str
    plan: Mapping[str, Any]

    @property
    def hashes(self) -> Mapping[str, str]:
        """Return the SHA-256 of each file that was looked at."""
        return {one["filename"]: one["sha256"] for one in self.plan["files"]}

    @property
    def on_index(self) -> Mapping[str, str]:
        """Return the SHA-256 of each file that the index has."""
        project = self.service.index.projects.find(self.project)
        files = [one.distribution for one in project.files] if project else []
        return {one.filename: one.sha256 for one in files}

    async def promote(self, *, publisher: str = "server") -> Answer:
        """Order what was looked at to be published."""
        order = {
            "manifest-digest": self.plan["manifest-digest"],
            "acknowledged": self.plan["warnings-digest"],
            "publisher": publisher,
        }
        return await self.service.api("POST", f"stages/{self.stage_id}/promotion", **order)

    async def publish_here(self, fence: int) -> bool:
        """Publish as who holds a lease, not as the server; say whether it was kept to the end."""
        parts = self.service.parts
        stage = await parts.database.read(lambda rows: rows.stages.find(self.stage_id))
        assert stage is not None
        journal_store = CatalogueJournalStore(
            parts.database, self.service.clock, self.stage_id, fence, LONGEST_LEASE
        )
        credential = Credential("__token__", UPLOAD_TOKEN)
        runner = parts.promotions.runner(stage, journal_store, credential, lambda *_: None)
        try:
            await runner.run()
        except LostLeaseError:
            return False
        return True

    async def until_it_hangs(self) -> None:
        """Return once an upload hangs."""
        while not any("hang" in one.told for one in self._history.attempts):  # noqa: ASYNC110 - polled
            await asyncio.sleep(GLANCE)

    async def until_over(self) -> str:
        """Return the status of the stage when nothing is published any more."""
        while (status := await self.status()) == "processing":  # noqa: ASYNC110 - polled
            await asyncio.sleep(GLANCE)
        return status

    async def status(self) -> str:
        """Return the status of the stage."""
        return str((await self.service.api("GET", f"stages/{self.stage_id}")).document["status"])

    async def unheard(self) -> list[tuple[str, int]]:
        """Return the uploads so far whose answers nobody has written down."""
        promotion = await self.service.api("GET", f"stages/{self.stage_id}/promotion")
        open_ones = [
            name
            for name, file in promotion.document["files"].items()
            if file["progress"] in {"sending", "unknown"}
        ]
        return [
            (name, one.number)
            for name in open_ones
            for one in self._history.attempts
            if one.filename == name
        ]

    def broken(self, unheard: Collection[tuple[str, int]] = ()) -> list[str]:
        """Return the promises that were broken, if what was looked at is what was published."""
        return broken_promises(self._history, self.hashes, unheard)

    @property
    def uploads(self) -> int:
        """Return how many uploads there were."""
        return len(self._history.attempts)

    @property
    def _history(self) -> History:
        return of_project(self.service.index.uploads.history, self.project)


def another_wheel(bout: Bout) -> Distribution:
    """Return a wheel that the release does not have."""
    return a_wheel(bout.project, tag="cp313-none-any")


def same_wheel_anew(bout: Bout) -> Distribution:
    """Return other bytes under the name of a wheel that the release has."""
    return a_wheel(bout.project, summary="Another demo")
