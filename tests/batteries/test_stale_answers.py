"""A battery of random changes and reads: no answer is older than the last acknowledged change."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.stale_world import World
from tests.support.index.fake_index import FakeIndex
from tests.support.index.fake_pypi import MachineClock
from tests.support.servers.cluster import SERVER, Cluster, SharedStores
from tests.support.servers.processes import running_server
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN

PROJECTS = 5
READERS, MANY_READERS = 4, 24
WORKERS = (1, 2)
FRESH_SECONDS = 1.0
SERVERS = 3


def settings_over(index: FakeIndex) -> dict[str, str]:
    """Return the settings of a server that publishes where it reads, and limits nothing."""
    return {
        "UPSTREAM__URL": index.url,
        "UPSTREAM__FRESH_FOR": f"{FRESH_SECONDS}s",
        "PROMOTION__REPOSITORY_URL": f"{index.url}/legacy/",
        "PROMOTION__INDEX_URL": f"{index.url}/simple/",
        "PROMOTION__TOKEN": UPLOAD_TOKEN,
        "PROMOTION__POLL": "0.05s",
        "STORAGE__MIN_FREE": "0",
        "LIMITS__OPENINGS_PER_HOUR": "0",
        "LIMITS__CHANGES_PER_HOUR": "0",
    }


async def battery(
    folder: Path,
    index: FakeIndex,
    reads: int,
    *,
    readers: int = READERS,
    workers: int = 1,
    planted: str = "",
) -> BatteryReport:
    """Change and read until so many answers were compared, and return the report."""
    settings = {**settings_over(index), "SERVER__WORKERS": str(workers)}
    program = ("tests.batteries.planted_server", planted) if planted else SERVER
    async with running_server(
        folder / "data", logs=folder, settings=settings, program=program
    ) as server:
        world = await changed_and_read([server.url], server.admin_token, index, reads, readers)
    counts = {**dict(sorted(world.counts.items())), "workers": workers}
    name = "stale-answers" if workers == 1 else f"stale-answers: {workers} workers"
    return BatteryReport(name, SEED, counts, world.violations, planted)


async def battery_of_several(
    folder: Path,
    index: FakeIndex,
    stores: SharedStores,
    reads: int,
    *,
    readers: int = READERS,
    planted: str = "",
) -> BatteryReport:
    """Change stages by some servers and read them from others, and return the report."""
    program = ("tests.batteries.planted_server", planted) if planted else SERVER
    async with Cluster.open(
        folder, SERVERS, stores, settings_over(index), program=program
    ) as cluster:
        world = await changed_and_read(cluster.urls, cluster.admin_token, index, reads, readers)
    counts = {**dict(sorted(world.counts.items())), "servers": SERVERS}
    return BatteryReport("stale-answers: several servers", SEED, counts, world.violations, planted)


async def changed_and_read(
    urls: Sequence[str], admin: str, index: FakeIndex, reads: int, readers: int
) -> World:
    """Change and read until so many answers were compared."""
    index.uploads.use(MachineClock())
    world = World(urls, admin, index, Random(SEED), FRESH_SECONDS, reads)
    await world.run(PROJECTS, readers)
    return world


@pytest.mark.journey
@pytest.mark.parametrize("workers", WORKERS)
async def test_some_reads(tmp_path: Path, index: FakeIndex, workers: int) -> None:
    """No answer is older than the last change that was acknowledged before it was asked for."""
    (await battery(tmp_path, index, 1500, workers=workers)).check()


@pytest.mark.battery
@pytest.mark.parametrize("workers", WORKERS)
async def test_100_000_reads(tmp_path: Path, index: FakeIndex, workers: int) -> None:
    """None of 100,000 answers is stale."""
    (await battery(tmp_path, index, 100_000, readers=MANY_READERS, workers=workers)).check()


@pytest.mark.journey
async def test_planted_defect(tmp_path: Path, index: FakeIndex) -> None:
    """The battery finds a server that keeps prepared answers whatever changes in a stage."""
    (await battery(tmp_path, index, 1500, planted="a catalogue that never changes")).check()


@pytest.mark.journey
async def test_some_reads_of_several_servers(
    tmp_path: Path, index: FakeIndex, stores: SharedStores
) -> None:
    """What one server has acknowledged, the next answer of every other one shows."""
    (await battery_of_several(tmp_path, index, stores, 1500)).check()


@pytest.mark.battery
async def test_100_000_reads_of_several_servers(
    tmp_path: Path, index: FakeIndex, stores: SharedStores
) -> None:
    """None of 100,000 answers of three servers is older than what any of them acknowledged."""
    (await battery_of_several(tmp_path, index, stores, 100_000, readers=MANY_READERS)).check()


@pytest.mark.journey
async def test_planted_defect_of_several_servers(
    tmp_path: Path, index: FakeIndex, stores: SharedStores
) -> None:
    """The battery finds servers that keep prepared answers whatever changes in the catalogue."""
    planted = "a catalogue that never changes"
    (await battery_of_several(tmp_path, index, stores, 1500, planted=planted)).check()
