"""The folder in which files are received, each of them for as long as its block runs."""

import fcntl
import io
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import aiofiles.os

from stageproxy.core.errors import FailedDiskError, StorageError
from stageproxy.store.disk import Disk
from stageproxy.store.receiving import Receiving, digests_of_uploads


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file in the spool, and the bytes on their way to it."""

    path: Path
    receiving: Receiving


@dataclass(frozen=True, slots=True)
class Spool:
    """A folder of files that are being received; see the module."""

    folder: Path
    disk: Disk

    @asynccontextmanager
    async def receive(self, *, md5: bool = False) -> AsyncIterator[Spooled]:
        """Open a new file. It is deleted when the block ends, unless it was moved."""
        path = self.folder / secrets.token_hex(16)
        self.disk.check_room(0)
        with self.disk.failures():
            opened = _create(path)
            receiving = Receiving(opened, self.disk, digests_of_uploads(md5=md5))
            try:
                yield Spooled(path, receiving)
            finally:
                await receiving.give_up()
                await _drop(path, opened)

    def check(self) -> str | None:
        """Return why no file can be received, if none can. One is written to find out."""
        try:
            self._write_probe()
        except StorageError as error:
            return error.sentence
        except OSError as error:
            reason = f"{error.strerror}. Check the disk, its mount and its owner."
            return f"cannot write to the directory of staged files: {reason}"
        return None

    def left(self) -> Iterator[Path]:
        """Return the files that no process is receiving: a crash left them."""
        return (path for path in self.folder.iterdir() if not _is_being_received(path))

    def _write_probe(self) -> None:
        if self.disk.has_failed:
            raise FailedDiskError
        path = self.folder / "probe"
        with self.disk.failures():
            try:
                with path.open("wb") as file:
                    file.write(b"ready?")
                    file.flush()
                    self.disk.sync(file.fileno())
            finally:
                path.unlink(missing_ok=True)


def size_if_older(path: Path, before: datetime) -> int | None:
    """Return the size of a file that is older than *before*, `None` for any other."""
    try:
        status = path.stat()
    except FileNotFoundError:
        # An upload ended and deleted it.
        return None
    return status.st_size if status.st_mtime < before.timestamp() else None


async def _drop(path: Path, opened: io.FileIO) -> None:
    with suppress(OSError):
        opened.close()
    # The file may have been committed, even now for a caller that was cancelled.
    with suppress(FileNotFoundError):
        await aiofiles.os.remove(path)


def _create(path: Path) -> io.FileIO:
    """Create a file that only its owner can read, and lock it until it is closed.

    On the event loop: a cancellation while a thread creates it would leave it behind.
    """
    opened = open(path, "xb", buffering=0, opener=partial(os.open, mode=0o600))  # noqa: SIM115 - closed by `_drop`
    fcntl.flock(opened, fcntl.LOCK_SH)
    return opened


def _is_being_received(path: Path) -> bool:
    """Return whether the process that creates a file still has it open."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        # An upload ended and deleted it.
        return False
    return False
