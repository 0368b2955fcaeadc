"""SQLite as the database: settings, transactions, and closing."""

import asyncio
import logging
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from stageproxy.catalogue import Rows
from stageproxy.core.errors import NoRoomError
from stageproxy.store.sqlite.database import Database, has_wal_bug
from tests.store.builders import a_stage
from tests.support.database import pragma
from tests.support.servers.processes import own_environment, run

WITH_WAL_BUG = (3, 51, 2)
ROUNDS = 200
SETTINGS = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "mmap_size")
FULL, EXTRA = 2, 3

# Reads a number and writes the next one, which a deferred transaction cannot do.
COUNT_UP = f"""
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from stageproxy.store.sqlite.database import Database

def work(rows):
    stage = rows.stages.find("id")
    rows.stages.save(replace(stage, revision=stage.revision + 1))

async def main():
    with Database(Path(sys.argv[1])) as database:
        for _ in range({ROUNDS}):
            await database.write(work)

asyncio.run(main())
"""


def pragmas_of(rows: Rows) -> dict[str, Any]:
    """Return the settings of the connection that a transaction runs on."""
    return {name: pragma(rows, name) for name in SETTINGS}


def modes_in(folder: Path) -> dict[str, int]:
    """Return the permissions of everything in a folder, by name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def times_open(path: Path) -> int:
    """Return how many open files of this process have a path."""
    return [str(one.resolve()) for one in Path("/proc/self/fd").iterdir()].count(str(path))


@pytest.mark.parametrize(
    ("version", "has_bug"),
    [
        ((3, 7, 0), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 44, 9), False),
        ((3, 45, 0), True),
        ((3, 49, 99), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_versions_with_the_wal_bug(version: tuple[int, ...], *, has_bug: bool) -> None:
    """SQLite before 3.51.3 can corrupt the write-ahead log, except for two fixed series."""
    assert has_wal_bug(version) is has_bug


@pytest.mark.parametrize(
    ("version", "journal", "synchronous"),
    [
        pytest.param((3, 51, 3), "wal", FULL, id="without the bug"),
        pytest.param(WITH_WAL_BUG, "delete", EXTRA, id="with the bug"),
    ],
)
async def test_settings(
    tmp_path: Path, version: tuple[int, ...], journal: str, synchronous: int
) -> None:
    """Commits survive a loss of power, and foreign keys are enforced."""
    with Database(tmp_path / "catalogue.db", sqlite_version=version) as database:
        settings = await database.write(pragmas_of)

    assert settings == {
        "journal_mode": journal,
        "synchronous": synchronous,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "mmap_size": 0,
    }


async def test_one_connection_with_the_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If SQLite has the bug, reading and writing share a connection, and a warning is logged."""
    path = tmp_path / "catalogue.db"
    with caplog.at_level(logging.WARNING), Database(path, sqlite_version=WITH_WAL_BUG) as database:
        await database.read(lambda rows: rows.stages.list())
        await database.write(lambda rows: rows.stages.list())
        assert times_open(path) == 1

    with Database(path):
        assert times_open(path) == 2
    assert "using one connection, which is slow" in caplog.text


async def test_reads_cannot_write(tmp_path: Path) -> None:
    """A read that tries to write fails and changes nothing."""
    with Database(tmp_path / "catalogue.db") as database:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await database.read(lambda rows: rows.stages.save(a_stage("id")))

        assert await database.read(lambda rows: rows.stages.find("id")) is None


async def test_two_processes_write(tmp_path: Path) -> None:
    """Two processes that read and then write wait for each other."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))

    command = (sys.executable, "-c", COUNT_UP, str(path))
    both = (run(*command, environment=own_environment()) for _ in range(2))
    ends = await asyncio.gather(*both)

    assert [one.stderr for one in ends] == ["", ""]
    with Database(path) as database:
        stage = await database.read(lambda rows: rows.stages.find("id"))
    assert stage == replace(a_stage("id"), revision=2 * ROUNDS)


async def test_transaction_outlives_its_caller(tmp_path: Path) -> None:
    """A cancelled caller does not interrupt its transaction."""
    with Database(tmp_path / "catalogue.db") as database:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(rows: Rows) -> None:
            rows.stages.save(a_stage("a", version="1.0"))
            loop.call_soon_threadsafe(begun.set)
            rows.stages.save(a_stage("b", version="2.0"))

        async with asyncio.TaskGroup() as group:
            caller = group.create_task(database.write(work))
            await begun.wait()
            caller.cancel()

        assert caller.cancelled()
        assert len(await database.write(lambda rows: rows.stages.list())) == 2


async def test_closing_waits_for_transactions(tmp_path: Path) -> None:
    """A transaction that was requested is done before the database is closed."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        asking = asyncio.ensure_future(database.write(lambda rows: rows.stages.save(a_stage("id"))))
        await asyncio.sleep(0)
    await asking

    with Database(path) as database:
        assert await database.read(lambda rows: rows.stages.find("id")) == a_stage("id")


async def test_full_disk(tmp_path: Path) -> None:
    """If the database cannot grow, the error says so, and reading goes on.

    It was an internal error once.
    """

    def fill(rows: Rows) -> None:
        pragma(rows, "max_page_count = 1")
        for number in range(1000):
            rows.stages.save(a_stage(version=f"{number}.0"))

    with Database(tmp_path / "catalogue.db") as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id", project="other")))

        with pytest.raises(NoRoomError):
            await database.write(fill)

        assert len(await database.read(lambda rows: rows.stages.list())) == 1


@pytest.mark.parametrize("name", ["with space", "a?mode=ro", "half%41", "#1"])
async def test_any_folder_name(tmp_path: Path, name: str) -> None:
    """The folder of the database may have any name.

    It was parsed as a URL once: what followed a `?` or `#` was lost.
    """
    folder = tmp_path / name
    folder.mkdir()

    with Database(folder / "catalogue.db") as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))
        assert await database.read(lambda rows: rows.stages.find("id")) == a_stage("id")

    assert list(modes_in(tmp_path)) == [name, "catalogue.db"]


async def test_only_the_owner_can_read(tmp_path: Path) -> None:
    """The database and the files of SQLite beside it can be read by their owner only.

    The log could be read by others once: it was created before the database had its mode.
    """
    (tmp_path / "catalogue.db").touch(mode=0o644)

    with Database(tmp_path / "catalogue.db") as database:
        await database.write(lambda rows: rows.stages.save(a_stage("id")))
        modes = modes_in(tmp_path)

    names = ("catalogue.db", "catalogue.db-shm", "catalogue.db-wal")
    assert modes == dict.fromkeys(names, 0o600)
