"""The disk of the data directory: its reserve."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # as the database has it

from stageproxy.catalogue import Rows
from stageproxy.core.errors import NoRoomError
from stageproxy.store.disk import FAILURE_MARK, Disk, failure_mark
from stageproxy.store.sqlite.database import Database
from tests.store.builders import a_stage
from tests.support.database import pragma

SIZE = 2**20
BLOCK = 512
PIECE = 2**16


def test_reserve_has_blocks(tmp_path: Path) -> None:
    """The reserve takes real room on the disk, which is there again, piece by piece."""
    disk = Disk(tmp_path, reserve=SIZE)
    disk.restore_reserve()
    blocks = (tmp_path / "reserve").stat().st_blocks * BLOCK

    assert blocks >= SIZE
    assert (tmp_path / "reserve").stat().st_mode & 0o777 == 0o600
    sizes = []
    while disk.give_up_reserve():
        sizes += [one.stat().st_size for one in tmp_path.iterdir()]
    assert sizes == list(range(SIZE - PIECE, 0, -PIECE))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [SIZE, 2 * SIZE, 0])
def test_reserve_is_made_again(tmp_path: Path, size: int) -> None:
    """What was given up is made again; another size of the settings is used at once."""
    Disk(tmp_path, reserve=SIZE).restore_reserve()
    disk = Disk(tmp_path, reserve=size)

    for _ in range(2):
        disk.restore_reserve()
        assert [one.stat().st_size for one in tmp_path.iterdir()] == ([size] if size else [])
        disk.give_up_reserve()


def add_many(rows: Rows) -> int:
    """Add a thousand stages, and return how many there are."""
    for number in range(1000):
        rows.stages.save(a_stage(f"s{number}", version=f"{number}.0"))
    return len(rows.stages.list())


class GrowingDisk(Disk):
    """A disk whose reserve is room for a larger database."""

    rows: Rows

    def give_up_reserve(self) -> bool:
        """Give the database all the pages that it wants."""
        pragma(self.rows, "max_page_count = 1000000")
        return True


async def test_full_disk_with_a_reserve(tmp_path: Path) -> None:
    """A change that finds no room is made all the same, with the room of the reserve."""
    disk = GrowingDisk(tmp_path)

    def work(rows: Rows) -> int:
        disk.rows = rows
        return add_many(rows)

    with Database(tmp_path / "catalogue.db", disk=disk) as database:
        await database.write(lambda rows: pragma(rows, "max_page_count = 1"))

        assert await database.write(work) == 1000


async def test_log_is_reused_on_a_full_disk(tmp_path: Path) -> None:
    """On a full disk the write-ahead log begins anew: a change takes no more room for it."""
    disk = GrowingDisk(tmp_path)

    def work(rows: Rows) -> None:
        disk.rows = rows
        for number in range(100):
            rows.stages.save(a_stage(f"last{number}", version=f"{number}.5"))

    with Database(tmp_path / "catalogue.db", disk=disk) as database:
        await database.write(add_many)
        before = database.wal_bytes
        await database.write(lambda rows: pragma(rows, "max_page_count = 1"))
        await database.write(work)

        assert database.wal_bytes == before


async def test_first_change_on_a_full_disk(tmp_path: Path) -> None:
    """If the first change of a process finds no room, later ones are stored as usual.

    They were answered as stored once, and none was: the disk had been taken for an old SQLite.
    """
    with Database(tmp_path / "catalogue.db") as database:
        limit = await database.write(lambda rows: pragma(rows, "max_page_count"))
        await database.write(lambda rows: pragma(rows, "max_page_count = 1"))
        with pytest.raises(NoRoomError):
            await database.write(add_many)
        await database.write(lambda rows: pragma(rows, f"max_page_count = {limit}"))

        assert await database.write(add_many) == 1000


async def test_long_log_is_shortened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a program that reads for long, the room of the write-ahead log is free again.

    It stayed at its largest size once. While that program reads, the log names the reason.
    """
    path = tmp_path / "catalogue.db"
    with Database(path, largest_wal=2**16) as database:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM stage").fetchone()
            for _ in range(50):
                await database.write(lambda rows: rows.stages.save(a_stage("id")))
            await database.shorten_log()
            during = database.wal_bytes
        await database.shorten_log()

        assert during > 2**16
        assert database.wal_bytes == 0
    assert "another program has been reading" in caplog.text


def test_failure_in_another_worker(tmp_path: Path) -> None:
    """A failure that one worker finds counts for all, and for those that are started later.

    That of a former server does not: with a new start, the operator has looked at the disk.
    """
    Disk(tmp_path).fail(OSError(errno.EIO, "broken"))
    os.utime(tmp_path / FAILURE_MARK, ns=(1, 1))
    at_start = failure_mark(tmp_path)
    first, second = (Disk(tmp_path, former_failure=at_start) for _ in range(2))
    before = [one.has_failed for one in (first, second)]

    first.fail(OSError(errno.EIO, "broken"))
    later = Disk(tmp_path, former_failure=at_start)

    assert before == [False, False]
    assert [one.has_failed for one in (first, second, later)] == [True] * 3
