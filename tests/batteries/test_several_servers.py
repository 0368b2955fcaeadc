"""Three servers in a storm: they are killed, their database restarts, their store fails."""

from pathlib import Path
from random import Random

import pytest

from tests.batteries.cluster_load import ClusterLoad
from tests.batteries.cluster_storm import Storm
from tests.batteries.report import SEED, BatteryReport
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.cluster import SERVER, Cluster, SharedStores
from tests.support.servers.faulty_s3 import faulty_s3

SERVERS = 3
FEW, MANY = 3, 200
ENOUGH = 5_000
"""So many uploads are acknowledged in the long form."""


async def battery(
    folder: Path,
    index: FakeIndex,
    stores: SharedStores,
    kills: int,
    *,
    most_uploads: int = 10,
    often: int = 1,
    planted: str = "",
) -> BatteryReport:
    """Use three servers in a storm, look for everything afterwards, and return the report."""
    program = ("tests.batteries.planted_server", planted) if planted else SERVER
    async with faulty_s3(stores.s3.endpoint) as store:
        given = {"UPSTREAM__URL": index.url, "S3__ENDPOINT": store.url, "S3__TIMEOUT": "1s"}
        async with Cluster.open(folder, SERVERS, stores, given, program=program) as cluster:
            load = ClusterLoad(cluster.urls, cluster.admin_token, Random(SEED))
            storm = Storm(cluster, load, store, Random(SEED), most_uploads, often)
            async with load.running():
                await storm.rage(kills)
            if not load.violations:
                await load.check_everything()
            violations = [*load.violations, *cluster.internal_errors()]
    faults = {"store faults": sum(store.happened.values())}
    counts = {**dict(sorted(load.counts.items())), **storm.counts, **faults}
    return BatteryReport("several-servers", SEED, counts, violations, planted)


@pytest.mark.journey
async def test_a_short_storm(tmp_path: Path, index: FakeIndex, stores: SharedStores) -> None:
    """What any server has acknowledged is shown by all, and kept, whatever is killed or fails."""
    (await battery(tmp_path, index, stores, FEW)).check()


@pytest.mark.battery
async def test_200_kills(tmp_path: Path, index: FakeIndex, stores: SharedStores) -> None:
    """None of 5,000 acknowledged uploads is lost in 200 kills, restarts and faults of the store."""
    report = await battery(tmp_path, index, stores, MANY, most_uploads=40, often=10)

    report.check()
    assert report.counts["acknowledged"] >= ENOUGH


@pytest.mark.journey
async def test_answers_before_the_commit(
    tmp_path: Path, index: FakeIndex, stores: SharedStores
) -> None:
    """The battery finds servers that answer before they commit."""
    planted = "an answer before the commit"

    (await battery(tmp_path, index, stores, FEW, planted=planted)).check()


@pytest.mark.battery
async def test_answers_before_the_store(
    tmp_path: Path, index: FakeIndex, stores: SharedStores
) -> None:
    """The battery finds servers that answer before the file is in the bucket."""
    planted = "an answer before the store"

    (await battery(tmp_path, index, stores, FEW, planted=planted)).check()
