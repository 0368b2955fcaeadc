"""What happens to several servers, their database and their store while clients use them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.batteries.cluster_load import ClusterLoad
from tests.support.servers.cluster import Cluster, ClusterServer
from tests.support.servers.faulty_s3 import FaultyS3
from tests.support.servers.postgres import Postgres

LONGEST_REST = 0.05
FAULTY_SHARE = 0.2
"""The share of requests to the store that fail while it is faulty."""
STORE_FAILED = "Error: The server's store of files failed: "
AT_ONCE = (1, 1, 1, 2)
"""How many servers are killed at once."""


@dataclass(slots=True)
class Storm:
    """Kills servers, restarts the database, and makes the store fail, until enough were killed.

    Between two kills are at most *most_uploads* uploads. Every *often* times the database is
    restarted, or crashes. Between two kills the store works or is faulty.
    """

    cluster: Cluster
    load: ClusterLoad
    store: FaultyS3
    random: Random
    most_uploads: int
    often: int
    counts: Counter[str] = field(default_factory=Counter)

    async def rage(self, kills: int) -> None:
        """Kill so many servers, one or two at a time, unless something is wrong before."""
        rounds = 0
        while self.counts["kills"] < kills and not self.load.violations:
            rounds += 1
            self._change_weather(is_faulty=rounds % 2 == 1)
            await self.load.until_acknowledged(self.random.randint(0, self.most_uploads))
            await asyncio.sleep(self.random.uniform(0, LONGEST_REST))
            if rounds % self.often == 0:
                await self._end_database()
            await self._kill(self._some_servers(kills - self.counts["kills"]))
        self._change_weather(is_faulty=False)

    def _some_servers(self, most: int) -> Sequence[ClusterServer]:
        count = min(self.random.choice(AT_ONCE), most)
        return self.random.sample(self.cluster.servers, count)

    def _change_weather(self, *, is_faulty: bool) -> None:
        if is_faulty:
            self.store.fail_at_random(self.random, FAULTY_SHARE)
        else:
            self.store.recover()

    async def _kill(self, servers: Sequence[ClusterServer]) -> None:
        """Kill servers, and start them again beside the others, which work."""
        for one in servers:
            await one.kill()
            self.counts["kills"] += 1
        async with asyncio.TaskGroup() as group:
            for one in servers:
                group.create_task(self._start(one))

    async def _start(self, server: ClusterServer) -> None:
        """Start a server as its supervisor does: again, if the store failed in that moment."""
        while not await self._is_started(server):
            self.counts["failed starts"] += 1

    async def _is_started(self, server: ClusterServer) -> bool:
        try:
            await server.start()
        except AssertionError:
            if not server.log_lines()[-1].startswith(STORE_FAILED):
                raise
            return False
        return True

    async def _end_database(self) -> None:
        """Restart PostgreSQL, or crash it; one after the other."""
        postgres = self.cluster.stores.postgres
        crashes = self.counts["database crashes"] < self.counts["database restarts"]
        self.counts["database crashes" if crashes else "database restarts"] += 1
        await asyncio.to_thread(_crash if crashes else Postgres.restart, postgres)


def _crash(postgres: Postgres) -> None:
    postgres.kill()
    postgres.start()
