"""SQLite under the catalogue: its settings, its lock, its end."""

import asyncio
import logging
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.errors import NoRoomError
from stageproxy.ports import Rows
from stageproxy.store.database import Database, has_wal_bug
from tests.store.builders import a_stage
from tests.support.database import pragma
from tests.support.servers.processes import own_environment, run

WITH_WAL_BUG = (3, 51, 2)
ROUNDS = 200
SETTINGS = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "mmap_size")
FULL, EXTRA = 2, 3

# Reads a number, and writes the next: what a deferred transaction fails at.
COUNT_UP = f"""
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from stageproxy.store.database import Database

def work(rows):
    stage = rows.find_stage("id")
    rows.save_stage(replace(stage, revision=stage.revision + 1))

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
    """Return the permissions of what is in a folder and below, by name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def times_open(path: Path) -> int:
    """Return how many open files of this process lead to a path."""
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
def test_versions_with_the_bug(version: tuple[int, ...], *, has_bug: bool) -> None:
    """The write-ahead log can be corrupted before 3.51.3, but for two series mended earlier."""
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
    """Whatever is committed survives a loss of power, and what belongs together stays so."""
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
    """Where SQLite has the bug, reading and writing share a connection; the operator is told."""
    path = tmp_path / "catalogue.db"
    with caplog.at_level(logging.WARNING), Database(path, sqlite_version=WITH_WAL_BUG) as database:
        await database.read(lambda rows: rows.list_stages())
        await database.write(lambda rows: rows.list_stages())
        assert times_open(path) == 1

    with Database(path):
        assert times_open(path) == 2
    assert "going on slowly with one connection" in caplog.text


async def test_nothing_is_written_while_reading(tmp_path: Path) -> None:
    """What is meant to read cannot write, and does no harm in trying."""
    with Database(tmp_path / "catalogue.db") as database:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await database.read(lambda rows: rows.save_stage(a_stage("id")))

        assert await database.read(lambda rows: rows.find_stage("id")) is None


async def test_two_processes_write(tmp_path: Path) -> None:
    """Two processes that read and then write wait for each other: no error, nothing lost."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        await database.write(lambda rows: rows.save_stage(a_stage("id")))

    command = (sys.executable, "-c", COUNT_UP, str(path))
    both = (run(*command, environment=own_environment()) for _ in range(2))
    ends = await asyncio.gather(*both)

    assert [one.stderr for one in ends] == ["", ""]
    with Database(path) as database:
        stage = await database.read(lambda rows: rows.find_stage("id"))
    assert stage == replace(a_stage("id"), revision=2 * ROUNDS)


async def test_transaction_outlives_its_caller(tmp_path: Path) -> None:
    """A client that goes away does not take half of a change with it: it is all done."""
    with Database(tmp_path / "catalogue.db") as database:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(rows: Rows) -> None:
            rows.save_stage(a_stage("a", version="1.0"))
            loop.call_soon_threadsafe(begun.set)
            rows.save_stage(a_stage("b", version="2.0"))

        async with asyncio.TaskGroup() as group:
            caller = group.create_task(database.write(work))
            await begun.wait()
            caller.cancel()

        assert caller.cancelled()
        assert len(await database.write(lambda rows: rows.list_stages())) == 2


async def test_closing_waits_for_what_is_under_way(tmp_path: Path) -> None:
    """A change that has been asked for is done before the file is let go of."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        asking = asyncio.ensure_future(database.write(lambda rows: rows.save_stage(a_stage("id"))))
        await asyncio.sleep(0)
    await asking

    with Database(path) as database:
        assert await database.read(lambda rows: rows.find_stage("id")) == a_stage("id")


async def test_full_disk_is_told(tmp_path: Path) -> None:
    """When the database cannot grow, there is no room: and reading goes on.

    It was a fault of the server's, to its clients.
    """

    def fill(rows: Rows) -> None:
        pragma(rows, "max_page_count = 1")
        for number in range(1000):
            rows.save_stage(a_stage(version=f"{number}.0"))

    with Database(tmp_path / "catalogue.db") as database:
        await database.write(lambda rows: rows.save_stage(a_stage("id", project="other")))

        with pytest.raises(NoRoomError):
            await database.write(fill)

        assert len(await database.read(lambda rows: rows.list_stages())) == 1


@pytest.mark.parametrize("name", ["with space", "a?mode=ro", "half%41", "#1"])
async def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    """The folder of the database may have any name.

    It was read as a URL: what followed a `?` or `#` was lost.
    """
    folder = tmp_path / name
    folder.mkdir()

    with Database(folder / "catalogue.db") as database:
        await database.write(lambda rows: rows.save_stage(a_stage("id")))
        assert await database.read(lambda rows: rows.find_stage("id")) == a_stage("id")

    assert list(modes_in(tmp_path)) == [name, "catalogue.db"]


async def test_only_the_owner_reads(tmp_path: Path) -> None:
    """The database and what SQLite keeps beside it are readable by their owner alone.

    The log of changes was not: it was there before the database had its mode.
    """
    (tmp_path / "catalogue.db").touch(mode=0o644)

    with Database(tmp_path / "catalogue.db") as database:
        await database.write(lambda rows: rows.save_stage(a_stage("id")))
        modes = modes_in(tmp_path)

    names = ("catalogue.db", "catalogue.db-shm", "catalogue.db-wal")
    assert modes == dict.fromkeys(names, 0o600)
