"""A server that publishes is killed: another one goes on, and each file is published once."""

from pathlib import Path
from random import Random

import pytest

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.restartable_server import PROCESSING_SECONDS, TIMINGS, TOKEN
from tests.batteries.takeovers import Takeovers
from tests.support.index.fake_index import FakeIndex
from tests.support.index.fake_pypi import MachineClock
from tests.support.servers.cluster import Cluster, SharedStores

SERVERS = 3
AT_A_TIME = 5
LEASE = "3s"


async def battery(
    folder: Path, index: FakeIndex, stores: SharedStores, takeovers: int
) -> BatteryReport:
    """Publish releases by servers that are killed, and return the report."""
    index.uploads.use(MachineClock())
    index.uploads.tokens = {TOKEN}
    index.uploads.processing = PROCESSING_SECONDS
    settings = {
        **TIMINGS,
        "UPSTREAM__URL": index.url,
        "PROMOTION__REPOSITORY_URL": f"{index.url}/legacy/",
        "PROMOTION__INDEX_URL": f"{index.url}/simple/",
        "PROMOTION__TOKEN": TOKEN,
        "POSTGRES__LEASE": LEASE,
        "POSTGRES__TIMEOUT": "1s",
    }
    async with Cluster.open(folder, SERVERS, stores, settings) as cluster:
        run = Takeovers(cluster, index, Random(SEED), AT_A_TIME)
        await run.run(takeovers)
        violations = [*run.violations, *cluster.internal_errors()]
    return BatteryReport("takeovers", SEED, {**run.counts, "kills": run.rounds}, violations)


@pytest.mark.journey
async def test_some_takeovers(tmp_path: Path, index: FakeIndex, stores: SharedStores) -> None:
    """Each file of a release whose publisher is killed is published once, the sdist last."""
    (await battery(tmp_path, index, stores, AT_A_TIME)).check()


@pytest.mark.battery
async def test_100_takeovers(tmp_path: Path, index: FakeIndex, stores: SharedStores) -> None:
    """So is each of 100 releases whose publisher is killed."""
    (await battery(tmp_path, index, stores, 100)).check()
