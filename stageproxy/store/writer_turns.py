"""Turns of the workers of a server to write the database.

A worker that finds the database locked asks SQLite again and again, after pauses that grow. One
that writes all the time hardly leaves it a chance: some uploads waited for seconds. Here the one
that waits is first in a line of one, and whoever has written has to join the line behind it.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PATIENCE_SECONDS = 5.0
"""How long a turn is waited for. SQLite itself decides after that: another worker hangs."""
_POLL_SECONDS = 0.001


class WriterTurns:
    """The turns to write the database at a path, which the workers of a server share."""

    def __init__(self, database: Path, *, patience: float = _PATIENCE_SECONDS) -> None:
        self._first = _opened(database.with_name("writers.first"))
        self._writing = _opened(database.with_name("writers.writing"))
        self._patience = patience

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Wait for a turn, and have it until the block ends. Yield whether it came in time."""
        deadline = time.monotonic() + self._patience
        is_first = _lock(self._first, deadline)
        is_writing = is_first and _lock(self._writing, deadline)
        if is_first:
            fcntl.flock(self._first, fcntl.LOCK_UN)
        try:
            yield is_writing
        finally:
            if is_writing:
                fcntl.flock(self._writing, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the files."""
        self._first.close()
        self._writing.close()


def _opened(path: Path) -> IO[bytes]:
    path.touch(mode=0o600)
    return path.open("rb")


def _lock(file: IO[bytes], deadline: float) -> bool:
    """Lock a file, and return whether that was possible in time."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True
