"""Releases whose promotion loses its server, and another one goes on."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.batteries.promotion_violations import of_project, violations_in
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import Attempt, History
from tests.support.servers.cluster import Cluster, ClusterServer
from tests.support.servers.processes import StageLinks

LONGEST = 60
POLL = 0.01
LONGEST_REST = 0.1
JOURNAL = "SELECT filename, progress FROM journal_entry WHERE stage_id = %s"


@dataclass(frozen=True, slots=True)
class Release:
    """A staged release of two wheels and an sdist, which is published."""

    project: str
    files: Sequence[Distribution]
    staged: StageLinks


@dataclass(slots=True)
class Takeovers:
    """Several releases at a time, which one server publishes until it is killed.

    *unrecorded*: by filename and number, the uploads whose answers a killed server could not
    record: only these may be sent again.
    """

    cluster: Cluster
    index: FakeIndex
    random: Random
    at_a_time: int
    rounds: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    unrecorded: set[tuple[str, int]] = field(default_factory=set)

    async def run(self, takeovers: int) -> None:
        """Publish releases until so many were taken over, unless something is wrong before."""
        while self.counts["taken over"] < takeovers and not self.violations:
            await self._kill_one_publisher()

    async def _kill_one_publisher(self) -> None:
        """Let a server publish some releases, kill it at any time, and wait for the others."""
        self.rounds += 1
        self.index.uploads.forget()
        publisher = self.random.choice(self.cluster.servers)
        others = [one for one in self.cluster.servers if one is not publisher]
        numbers = range(self.at_a_time)
        releases = await asyncio.gather(*(self._staged(publisher, one) for one in numbers))
        await asyncio.gather(*(self._promote(publisher, one) for one in releases))
        await self._until_sent(self.random.randint(1, 2 * len(releases)))
        await asyncio.sleep(self.random.uniform(0, LONGEST_REST))
        await publisher.kill()
        # What the server has sent is still on its way.
        await asyncio.sleep(2 * self.index.uploads.processing)
        self._note(releases)
        await asyncio.gather(
            *(self._until_published(self.random.choice(others), one) for one in releases)
        )
        await publisher.start()

    async def _staged(self, server: ClusterServer, number: int) -> Release:
        project = f"takeover-{self.rounds}-{number}"
        wheels = [a_wheel(project, tag=tag) for tag in ("py2-none-any", "py3-none-any")]
        files = [*wheels, an_sdist(project)]
        return Release(project, files, await server.running.stage(*files))

    async def _promote(self, server: ClusterServer, release: Release) -> None:
        path = f"/api/stages/{release.staged.id}/promotion"
        plan = await ask(server, "POST", f"{path}/plan", {"publisher": "server"})
        known = {"manifest-digest": plan["manifest-digest"], "publisher": "server"}
        await ask(server, "POST", path, {**known, "acknowledged": plan["warnings-digest"]})

    async def _until_sent(self, count: int) -> None:
        """Wait until so many uploads have begun."""
        async with asyncio.timeout(LONGEST):
            while len(self._history.attempts) < count:  # noqa: ASYNC110 - polled
                await asyncio.sleep(POLL)

    def _note(self, releases: Sequence[Release]) -> None:
        """Note what is left to do, and which uploads have no answer that was recorded."""
        for one in releases:
            journal = self.cluster.ask(JOURNAL, one.staged.id)
            self.counts["taken over"] += {progress for _, progress in journal} != {"confirmed"}
            for filename, progress in journal:
                if progress in {"sending", "unknown"}:
                    numbers = [sent.number for sent in self._attempts_at(filename)]
                    self.unrecorded |= {(filename, number) for number in numbers[-1:]}
        self.counts["unrecorded uploads"] = len(self.unrecorded)

    async def _until_published(self, server: ClusterServer, release: Release) -> None:
        """Wait until a release is published by whichever server, and compare what was sent."""
        path = f"/api/stages/{release.staged.id}/promotion"
        try:
            async with asyncio.timeout(LONGEST):
                while (shown := await ask(server, "GET", path))["status"] == "processing":  # noqa: ASYNC110 - polled
                    await asyncio.sleep(POLL * 10)
        except TimeoutError:
            self.violations.append(f"Nobody goes on with {release.project}.")
            return
        self.counts["promotions"] += 1
        if shown["status"] != "published":
            self.violations.append(f"{release.project} is {shown['status']}: {shown['reason']}")
        hashes = {one.filename: one.sha256 for one in release.files}
        found = violations_in(of_project(self._history, release.project), hashes, self.unrecorded)
        self.violations += found

    def _attempts_at(self, filename: str) -> list[Attempt]:
        return [one for one in self._history.attempts if one.filename == filename]

    @property
    def _history(self) -> History:
        return self.index.uploads.history


async def ask(
    server: ClusterServer, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Any:
    """Return the document that a server returns."""
    status, answer = await server.running.ask(method, path, body=body)
    assert status < 300, (status, answer)
    return json.loads(answer)
