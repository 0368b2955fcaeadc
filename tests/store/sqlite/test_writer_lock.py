"""The lock under which workers write the database."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from stageproxy.store.sqlite.writer_lock import WriterLock


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return the path of a database."""
    return tmp_path / "catalogue.db"


@pytest.fixture
def locks(database: Path) -> Iterator[list[WriterLock]]:
    """Return the locks of two workers."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(WriterLock(database))) for _ in range(2)]


def is_anyone_waiting(database: Path) -> bool:
    """Return whether a worker waits for the lock."""
    with database.with_name("writers.waiting").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_whoever_waits_is_next(database: Path, locks: list[WriterLock]) -> None:
    """A worker that has written and wants to write again has to wait for the one that waits."""
    order: list[str] = []
    first, second = locks

    def write(which: WriterLock, name: str) -> None:
        with which.held() as is_ours:
            assert is_ours
            order.append(name)

    with ThreadPoolExecutor(1) as other:
        with first.held():
            waiting = other.submit(write, second, "second")
            while not (is_anyone_waiting(database) or waiting.done()):
                pass
            order.append("first")
        write(first, "first again")
        waiting.result()

    assert order == ["first", "second", "first again"]


def test_worker_that_hangs(database: Path, locks: list[WriterLock]) -> None:
    """A worker that hangs while it writes does not stop the others for good: SQLite decides."""
    with locks[0].held(), closing(WriterLock(database, patience=0)) as impatient:
        with impatient.held() as is_ours:
            assert not is_ours
        assert not is_anyone_waiting(database)
