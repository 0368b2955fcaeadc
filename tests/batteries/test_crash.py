"""A server that is killed while it works: what it promised is there when it is back."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from tests.batteries.uploaders import (
    Uploaders,
    broken_promises,
    half_written,
    pages_without_file,
)
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, running_server
from tests.support.stored_files import stored_files

SEED = 20261122
LONGEST_LIFE = 1.5


class _KilledError(Exception):
    """The server is gone, and not by its own doing."""


@dataclass(slots=True)
class Victim:
    """A data directory whose servers do not end well."""

    folder: Path
    settings: dict[str, str]
    uploaders: Uploaders
    slowest_start: float = 0

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.folder / "data"

    @asynccontextmanager
    async def server(self) -> AsyncIterator[Server]:
        """Start a server, and take the time."""
        began = time.monotonic()
        async with running_server(self.data, logs=self.folder, settings=self.settings) as server:
            self.slowest_start = max(self.slowest_start, time.monotonic() - began)
            yield server

    async def live_and_die(self) -> None:
        """Start a server, look at what the last one left, load it, and kill it at some moment."""
        life = self.uploaders.random.uniform(0.05, LONGEST_LIFE)
        with suppress(_KilledError):
            async with self.server() as server:
                assert await broken_promises(server, self.uploaders.recent) == []
                self.uploaders.recent.clear()
                async with self.uploaders.busy(server):
                    await asyncio.sleep(life)
                    server.process.kill()
                    await server.process.wait()
                raise _KilledError

    def damage(self) -> list[str]:
        """Return what is wrong with what lies on the disk."""
        with closing(sqlite3.connect(self.data / "catalogue.db")) as connection:
            verdict = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        damaged = [path.name for path in stored_files(self.data) if _sha256_of(path) != path.name]
        return damaged if verdict == ["ok"] else [*verdict, *damaged]

    def faults(self) -> list[str]:
        """Return the lines of the log that tell of faults of ours."""
        lines = (self.folder / "stderr").read_text().splitlines()
        return [line for line in lines if "Traceback" in line or " ERROR " in line]


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(6, id="six times", marks=pytest.mark.journey),
        pytest.param(100, id="a hundred times", marks=pytest.mark.battery),
    ],
)
async def test_killed_under_load(
    tmp_path: Path, index: FakeIndex, kills: int, record_property: Callable[[str, object], None]
) -> None:
    """Every upload that was acknowledged is served as it was; nothing is there by half."""
    settings = {"UPSTREAM__URL": index.url}
    victim = Victim(tmp_path, settings, Uploaders(Random(SEED)))

    for _ in range(kills):
        await victim.live_and_die()
        assert victim.damage() == []

    promises = victim.uploaders.promises
    async with victim.server() as server:
        assert await broken_promises(server, promises) == []
        assert await pages_without_file(server, promises) == []
        assert await half_written(server) == []
    assert victim.damage() == victim.faults() == []
    assert len(promises) > kills
    figures = f"{kills} kills, {len(promises)} uploads, slowest start {victim.slowest_start:.2f} s"
    record_property("crashes", figures)
    print(figures)  # noqa: T201 - what this is run for
