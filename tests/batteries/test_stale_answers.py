"""A battery of random changes and reads: no answer is older than the last acknowledged change."""

from pathlib import Path
from random import Random

import pytest

from tests.batteries.report import SEED, BatteryReport
from tests.batteries.stale_world import World
from tests.support.index.fake_index import FakeIndex
from tests.support.index.fake_pypi import MachineClock
from tests.support.servers.processes import running_server
from tests.support.uploads.fake_uploads import UPLOAD_TOKEN

PROJECTS = 5
READERS, MANY_READERS = 4, 24
WORKERS = (1, 2)
FRESH_SECONDS = 1.0
SERVER = ("stageproxy",)


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
    index.uploads.use(MachineClock())
    settings = {
        "SERVER__WORKERS": str(workers),
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
    program = ("tests.batteries.planted_server", planted) if planted else SERVER
    async with running_server(
        folder / "data", logs=folder, settings=settings, program=program
    ) as server:
        world = World(server.url, server.admin_token, index, Random(SEED), FRESH_SECONDS, reads)
        await world.run(PROJECTS, readers)
    counts = {**dict(sorted(world.counts.items())), "workers": workers}
    name = "stale-answers" if workers == 1 else f"stale-answers: {workers} workers"
    return BatteryReport(name, SEED, counts, world.violations, planted)


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
