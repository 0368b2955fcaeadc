"""A database that is locked, damaged or cannot be written: what callers get, and what is logged."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # as the database has it

from stageproxy.catalogue import ConstraintError
from stageproxy.core.errors import (
    DamagedDatabaseError,
    FailedDatabaseError,
    LockedDatabaseError,
)
from stageproxy.store.sqlite.database import Database
from stageproxy.store.sqlite.failures import DatabaseFullError, meaning_of
from tests.store.builders import a_stage

PAGE = 4096


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a database, as another program."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def overwrite(path: Path) -> None:
    """Overwrite every page of a database but the first, which names the tables."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (size - PAGE))


async def add_stage(database: Database) -> None:
    """Store a stage."""
    await database.write(lambda rows: rows.stages.save(a_stage("id")))


async def test_locked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """While another program holds the lock, a change fails by name; afterwards it is stored.

    It was an internal error once. The log has one line, however many requests fail.
    """
    path = tmp_path / "catalogue.db"
    with caplog.at_level(logging.INFO), Database(path, busy_timeout_ms=1) as database:
        with locked(path):
            for _ in range(3):
                with pytest.raises(LockedDatabaseError, match="Try again"):
                    await add_stage(database)
            assert "locked" in (await database.check() or "")
        await add_stage(database)
        assert await database.check() is None

    first, second = caplog.messages
    assert "locked" in first
    assert second == f"{path}: changes are stored again"


async def test_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A database whose bytes were overwritten fails by name for readers and writers."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        await add_stage(database)
    with Database(path) as database:
        overwrite(path)
        for _ in range(2):
            with pytest.raises(DamagedDatabaseError, match="backup"):
                await database.read(lambda rows: rows.stages.list())
            with pytest.raises(DamagedDatabaseError):
                await add_stage(database)
        problem = await database.check()

    assert "damaged" in (problem or "")
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(5, LockedDatabaseError, id="SQLITE_BUSY"),
        pytest.param(517, LockedDatabaseError, id="SQLITE_BUSY_SNAPSHOT"),
        pytest.param(6, LockedDatabaseError, id="SQLITE_LOCKED"),
        pytest.param(11, DamagedDatabaseError, id="SQLITE_CORRUPT"),
        pytest.param(26, DamagedDatabaseError, id="SQLITE_NOTADB"),
        pytest.param(1034, FailedDatabaseError, id="SQLITE_IOERR_FSYNC"),
        pytest.param(778, FailedDatabaseError, id="SQLITE_IOERR_WRITE"),
        pytest.param(8, FailedDatabaseError, id="SQLITE_READONLY"),
        pytest.param(14, FailedDatabaseError, id="SQLITE_CANTOPEN"),
        pytest.param(13, DatabaseFullError, id="SQLITE_FULL"),
        pytest.param(1, type(None), id="SQLITE_ERROR"),
    ],
)
def test_meaning(code: int, expected: type[object]) -> None:
    """Each kind of failure of the disk or the file has a meaning; a wrong statement has none."""
    error = sqlite3.OperationalError("failed")
    error.sqlite_errorcode = code

    assert type(meaning_of(error, writing=True)) is expected


def test_other_meanings() -> None:
    """A broken promise of the schema is no failure of the disk; nor is any other error."""
    assert isinstance(meaning_of(sqlite3.IntegrityError(), writing=True), ConstraintError)
    assert meaning_of(ValueError(), writing=True) is None
