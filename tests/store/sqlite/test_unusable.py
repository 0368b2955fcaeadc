"""What an operator reads who starts a server on a database or directory that cannot be used."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # as the database has it

from stageproxy.store.directory import DataDirectory, DataDirectoryError
from stageproxy.store.disk import Disk
from stageproxy.store.sqlite.database import Database, find_database_problem, open_database
from stageproxy.store.sqlite.failures import opening_problem
from stageproxy.store.unusable import UnusableDatabaseError
from tests.store.builders import a_stage

PAGE = 4096


def replace_it(path: Path) -> None:
    """Write something else into the file of a database."""
    path.write_bytes(b"no database, " * 1000)


def overwrite_pages(path: Path) -> None:
    """Overwrite every page of a database but the first, which names the tables."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (size - PAGE))


def cut(path: Path) -> None:
    """Cut a database in the middle."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // PAGE * PAGE)


def make_folder(path: Path) -> None:
    """Put a folder in the place of a database."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        pytest.param(replace_it, "is not a database. Restore", id="other bytes"),
        pytest.param(overwrite_pages, "It is damaged. Restore", id="damaged pages"),
        pytest.param(cut, "It is damaged. Restore", id="cut off"),
        pytest.param(make_folder, "is a directory. Move it away.", id="a directory"),
    ],
)
async def test_unusable_database(
    tmp_path: Path, damage: Callable[[Path], None], advice: str
) -> None:
    """A database that cannot be used is refused at the start, by its path and what to do."""
    path = tmp_path / "catalogue.db"
    with Database(path) as database:
        await database.write(lambda rows: rows.stages.save(a_stage()))
    damage(path)

    with pytest.raises(UnusableDatabaseError, match=advice) as raised:
        open_database(path, Disk(tmp_path))

    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (5, "Another program has locked it: `fuser` shows which."),
        (8, "check their owner and permissions"),
        (10, "The disk fails, or is full."),
        (13, "Free some MiB on it."),
        (14, "check their owner and permissions"),
        (1, "cannot be used: no such table."),
    ],
)
def test_advice(tmp_path: Path, code: int, advice: str) -> None:
    """Each reason why a database cannot be opened has its advice."""
    error = sqlite3.OperationalError("no such table")
    error.sqlite_errorcode = code

    assert advice in opening_problem(tmp_path / "catalogue.db", error)


def test_found_before_the_start(tmp_path: Path) -> None:
    """`config check` says the same."""
    path = tmp_path / "catalogue.db"
    replace_it(path)

    assert "is not a database. Restore" in (find_database_problem(path) or "")


def test_full_disk_at_the_start(tmp_path: Path) -> None:
    """On a full disk, the room of the reserve is used for the files of the database."""
    (tmp_path / "reserve").write_bytes(b"room")

    class FullDisk(Disk):
        """A disk with room for nothing but the reserve, which is in the place of the database."""

        @property
        def is_full(self) -> bool:
            """It is."""
            return True

        def give_up_reserve(self) -> bool:
            """Make the path usable."""
            path.unlink(missing_ok=True)
            return super().give_up_reserve()

    path = tmp_path / "catalogue.db"
    replace_it(path)

    with open_database(path, FullDisk(tmp_path)) as database, closing(sqlite3.connect(path)):
        assert database.wal_bytes >= 0
    assert not (tmp_path / "reserve").exists()


@pytest.mark.parametrize("name", ["lock", "secret"])
def test_unusable_files(tmp_path: Path, name: str) -> None:
    """A folder in the place of a file of the data directory is named, with what to do."""
    directory = DataDirectory(tmp_path)
    (tmp_path / name).mkdir()

    advice = f"{name} cannot be used: Is a directory. Move"
    with pytest.raises(DataDirectoryError, match=advice), directory.locked():
        directory.secret("")


def test_errors_while_serving_are_not_the_lock(tmp_path: Path) -> None:
    """An error that occurs while the lock is held is raised as it is."""
    with pytest.raises(TimeoutError), DataDirectory(tmp_path).locked():
        raise TimeoutError
