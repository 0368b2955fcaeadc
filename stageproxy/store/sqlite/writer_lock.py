"""The fair lock under which the workers of a server write the database.

A worker that finds the database locked asks SQLite again and again, after pauses that grow. One
that writes all the time hardly leaves it a chance: some uploads waited for seconds. Here a second
lock is for the worker that waits, so that one that has just written comes after it.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PATIENCE_SECONDS = 5.0
"""How long the lock is waited for. SQLite itself decides after that: another worker hangs."""
_POLL_SECONDS = 0.001


class WriterLock:
    """The lock of the database at a path, which the workers of a server share."""

    def __init__(self, database: Path, *, patience: float = _PATIENCE_SECONDS) -> None:
        self._waiting = _opened(database.with_name("writers.waiting"))
        self._writing = _opened(database.with_name("writers.writing"))
        self._patience = patience

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Wait for the lock, and hold it until the block ends. Yield whether it came in time."""
        deadline = time.monotonic() + self._patience
        is_next = _lock(self._waiting, deadline)
        is_writing = is_next and _lock(self._writing, deadline)
        if is_next:
            fcntl.flock(self._waiting, fcntl.LOCK_UN)
        try:
            yield is_writing
        finally:
            if is_writing:
                fcntl.flock(self._writing, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the files."""
        self._waiting.close()
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
