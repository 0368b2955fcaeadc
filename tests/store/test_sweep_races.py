"""Uploads during sweeps, over a real database and real files."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from stageproxy.catalogue import Rows
from stageproxy.core.stage.stage import Stage, Status
from stageproxy.services.care.expire import Expiry
from stageproxy.store.files import FileStore
from stageproxy.store.sqlite.database import Database
from tests.store.builders import DAY, FORM, NOW, a_stage, an_artifact
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_derived import FakeDerived
from tests.support.ports.in_process_inspector import InProcessInspector

RACES = 200
SEED = 20261122
CONTENT = b"the same bytes, again and again"


@dataclass(slots=True)
class Race:
    """A store in which one file is uploaded and deleted."""

    database: Database
    files: FileStore
    clock: FakeClock
    random: Random

    @property
    def expiry(self) -> Expiry:
        """Return a new sweeper."""
        return Expiry(self.database, self.files, self.clock, 30 * DAY, FakeDerived())

    async def pause(self) -> None:
        """Wait for a random time."""
        await asyncio.sleep(self.random.random() / 500)

    async def upload(self, stage: Stage) -> None:
        """Store the bytes as an upload does: committed and named in one transaction."""
        async with self.files.receive() as file:
            await file.write(CONTENT)
            await self.pause()
            await file.finish()
            await file.store()

            def work(rows: Rows) -> None:
                file.commit()
                rows.stages.save(stage)
                rows.artifacts.save(stage.id, an_artifact(CONTENT), FORM, None)

            await self.database.write(work)

    async def sweep(self) -> None:
        """Sweep while the clock jumps ahead."""
        await self.pause()
        self.clock.advance(hours=2)
        await self.expiry.sweep()

    async def cancel(self, stage: Stage) -> None:
        """Cancel a stage and make its file old."""
        ended = a_stage(stage.id, status=Status.CANCELED, opened_at=stage.opened_at)
        await self.database.write(lambda rows: rows.stages.save(ended))
        await self.expiry.sweep()


@pytest.fixture
def race(tmp_path: Path) -> Iterator[Race]:
    """Return a store whose pauses are random, the same in every run."""
    with Database(tmp_path / "catalogue.db") as database:
        yield Race(
            database,
            FileStore(tmp_path / "files", InProcessInspector()),
            FakeClock(NOW),
            Random(SEED),
        )


async def test_upload_during_a_sweep(race: Race) -> None:
    """A file that is uploaded again during a sweep that finds it old is stored."""
    stored = race.files.path(hashlib.sha256(CONTENT).hexdigest())
    for number in range(RACES):
        stage = a_stage(f"stage-{number}", opened_at=race.clock.now())

        async with asyncio.TaskGroup() as group:
            group.create_task(race.upload(stage))
            group.create_task(race.sweep())

        assert stored.read_bytes() == CONTENT
        await race.cancel(stage)


async def test_no_upload_during_a_sweep(race: Race) -> None:
    """Without the upload, the sweep deletes the file: the race is real."""
    stage = a_stage("stage")
    await race.upload(stage)
    await race.cancel(stage)

    race.clock.advance(hours=1)
    await race.expiry.sweep()

    assert not race.files.path(hashlib.sha256(CONTENT).hexdigest()).exists()
