"""A server that is killed while it works: everything that it acknowledged is there afterwards."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from tests.batteries.uploaders import (
    Uploaders,
    half_written,
    missing_files,
    pages_without_file,
)
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, running_server
from tests.support.stored_files import stored_files

SEED = 20261122
LONGEST_LIFE = 1.5


class _KilledError(Exception):
    """The server was killed."""


@dataclass(slots=True)
class KilledServer:
    """A data directory whose servers are killed."""

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
        """Start a server and measure how long it takes."""
        began = time.monotonic()
        async with running_server(self.data, logs=self.folder, settings=self.settings) as server:
            self.slowest_start = max(self.slowest_start, time.monotonic() - began)
            yield server

    async def run_and_kill(self) -> None:
        """Start a server, check the data of the last one, upload, and kill it at a random time."""
        life = self.uploaders.random.uniform(0.05, LONGEST_LIFE)
        with suppress(_KilledError):
            async with self.server() as server:
                assert await missing_files(server, self.uploaders.recent) == []
                self.uploaders.recent.clear()
                async with self.uploaders.busy(server):
                    await asyncio.sleep(life)
                    server.process.kill()
                    await server.process.wait()
                raise _KilledError

    def damage(self) -> list[str]:
        """Return damaged files, and damage of the database."""
        with closing(sqlite3.connect(self.data / "catalogue.db")) as connection:
            verdict = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        damaged = [path.name for path in stored_files(self.data) if _sha256_of(path) != path.name]
        return damaged if verdict == ["ok"] else [*verdict, *damaged]

    def internal_errors(self) -> list[str]:
        """Return the lines of the log on internal errors."""
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
    """Every acknowledged upload is served unchanged; no file is incomplete."""
    settings = {"UPSTREAM__URL": index.url}
    killed = KilledServer(tmp_path, settings, Uploaders(Random(SEED)))

    for _ in range(kills):
        await killed.run_and_kill()
        assert killed.damage() == []

    acknowledged = killed.uploaders.acknowledged
    async with killed.server() as server:
        assert await missing_files(server, acknowledged) == []
        assert await pages_without_file(server, acknowledged) == []
        assert await half_written(server) == []
    assert killed.damage() == killed.internal_errors() == []
    assert len(acknowledged) > kills
    figures = (
        f"{kills} kills, {len(acknowledged)} uploads, slowest start {killed.slowest_start:.2f} s"
    )
    record_property("crashes", figures)
    print(figures)  # noqa: T201 - the result of the run
