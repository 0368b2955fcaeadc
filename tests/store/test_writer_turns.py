"""The turns of workers to write the database."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from stageproxy.store.writer_turns import WriterTurns


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return the path of a database."""
    return tmp_path / "catalogue.db"


@pytest.fixture
def turns(database: Path) -> Iterator[list[WriterTurns]]:
    """Return the turns of two workers."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(WriterTurns(database))) for _ in range(2)]


def is_somebody_waiting(database: Path) -> bool:
    """Return whether a worker is the first of those that wait."""
    with database.with_name("writers.first").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_whoever_waits_is_next(database: Path, turns: list[WriterTurns]) -> None:
    """A worker that has written and wants to write again has to wait for the one that waits."""
    order: list[str] = []
    first, second = turns

    def write(which: WriterTurns, name: str) -> None:
        with which.turn() as is_ours:
            assert is_ours
            order.append(name)

    with ThreadPoolExecutor(1) as other:
        with first.turn():
            waiting = other.submit(write, second, "second")
            while not (is_somebody_waiting(database) or waiting.done()):
                pass
            order.append("first")
        write(first, "first again")
        waiting.result()

    assert order == ["first", "second", "first again"]


def test_worker_that_hangs(database: Path, turns: list[WriterTurns]) -> None:
    """A worker that hangs in its turn does not stop the others for good: SQLite decides then."""
    with turns[0].turn(), closing(WriterTurns(database, patience=0)) as impatient:
        with impatient.turn() as is_ours:
            assert not is_ours
        assert not is_somebody_waiting(database)
