"""Files on disk, hashed while they are received, flushed, and named by their SHA-256."""

import asyncio
import fcntl
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiofiles.os
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import FailedDiskError, StorageError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import IncomingFile, Inspector
from stageproxy.store.disk import Disk

_BATCH = 2**21


class FileStore:
    """The folder of files: `kept/<first two digits>/<sha256>`, and `incoming/` for the others."""

    def __init__(self, root: Path, inspector: Inspector, disk: Disk | None = None) -> None:
        self.root = root
        self.inspector = inspector
        self.disk = disk or Disk(root)
        # Absolute: the process that reads archives has another working directory.
        root = root.absolute()
        self._kept = root / "kept"
        self._incoming = root / "incoming"
        self._digesting = asyncio.Semaphore(1)
        for folder in (root, self._kept, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[IncomingFile]:
        """Open a file to receive bytes."""
        path = self._incoming / secrets.token_hex(16)
        self.check_room(0)
        with self.disk.failures():
            opened = _create(path)
            incoming = _Incoming(self, path, opened)
            try:
                yield incoming
                await opened.close()
            finally:
                await incoming.give_up()
                await self._drop(path, opened)

    def check_room(self, size: int) -> None:
        """Raise `StorageError` unless a file of *size* bytes may be stored."""
        self.disk.check_room(size)

    async def _drop(self, path: Path, opened: AsyncBufferedIOBase) -> None:
        # A write that failed before fails again on closing, and was already reported.
        with suppress(OSError):
            await opened.close()
        # The file may have been committed, even now for a caller that was cancelled.
        with suppress(FileNotFoundError):
            await aiofiles.os.remove(path)

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a stored file as if it had just been received."""
        return _Reopened(self, self.path(received.sha256), received)

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a stored file in hex, by hashlib's name of the algorithm."""
        # One file at a time: the other threads are for uploads.
        async with self._digesting:
            return await asyncio.to_thread(_digests, self.path(sha256), algorithms)

    async def check(self) -> str | None:
        """Return why no file can be stored, if none can. One is written to find out."""
        try:
            await asyncio.to_thread(self._write_probe)
        except StorageError as error:
            return error.sentence
        except OSError as error:
            reason = f"{error.strerror}. Check the disk, its mount and its owner."
            return f"cannot write to the directory of staged files: {reason}"
        return None

    def _write_probe(self) -> None:
        if self.disk.has_failed:
            raise FailedDiskError
        path = self._incoming / "probe"
        with self.disk.failures():
            try:
                with path.open("wb") as file:
                    file.write(b"ready?")
                    file.flush()
                    self.disk.sync(file.fileno())
            finally:
                path.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Return the path of a stored file."""
        return stored_path(self._kept.parent, sha256)

    def size(self, sha256: str) -> int | None:
        """Return the size of a stored file in bytes, as it is now, or `None` if it is missing."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def commit(self, path: Path, sha256: str) -> None:
        """Rename a flushed file to its digest, and flush the folders that name it."""
        stored = self.path(sha256)
        self.check_room(0)
        with self.disk.failures():
            if not stored.parent.exists():
                stored.parent.mkdir(mode=0o700, exist_ok=True)
                self._flush_folder(self._kept)
            # A transaction that found no room is run again: the file may have been moved.
            if path.exists() or not stored.exists():
                path.replace(stored)
            self._flush_folder(stored.parent)

    def _flush_folder(self, path: Path) -> None:
        with opened_folder(path) as descriptor:
            self.disk.sync(descriptor)

    def remove(self, sha256: str) -> None:
        """Delete a file, if it exists."""
        self.path(sha256).unlink(missing_ok=True)

    def list_orphans(
        self, known: frozenset[str], before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Return the files that no row names and that are older than *before*.

        Files that are being received, by any process, are never among them, even if the clock
        jumps.
        """
        kept = self._kept.glob(f"{prefix[:2]}*/{prefix}*")
        orphans = [path for path in kept if path.name not in known]
        sizes = ((path, _size_if_older(path, before)) for path in [*orphans, *self._left()])
        return [
            UnneededFile(path.relative_to(self._kept.parent).as_posix(), size)
            for path, size in sizes
            if size is not None
        ]

    def _left(self) -> Iterator[Path]:
        return (path for path in self._incoming.iterdir() if not _is_being_received(path))

    def remove_orphan(self, orphan: UnneededFile) -> None:
        """Delete a file of that list, if it exists."""
        (self._kept.parent / orphan.name).unlink(missing_ok=True)


def stored_path(root: Path, sha256: str) -> Path:
    """Return the path of a stored file below the folder of files."""
    return root / "kept" / sha256[:2] / sha256


class _Incoming:
    """A file that is being received; see `ports.IncomingFile`."""

    def __init__(self, store: FileStore, path: Path, opened: AsyncBufferedIOBase) -> None:
        self.size = 0
        self._store = store
        self._path = path
        self._opened = opened
        self._waiting: list[bytes | memoryview] = []
        self._batched = 0
        self._running: asyncio.Future[list[Any]] | None = None
        self._sha256 = hashlib.sha256()
        self._blake2b_256 = hashlib.blake2b(digest_size=32)
        self._md5 = hashlib.md5(usedforsecurity=False)

    async def write(self, chunk: bytes | memoryview) -> None:
        """Write the next bytes on one thread and hash them on others, while more are received.

        Small pieces are gathered: handing each to a thread costs more than hashing it.
        """
        self._waiting.append(chunk)
        self.size += len(chunk)
        if self.size - self._batched >= _BATCH:
            await self._write_batch()

    async def _write_batch(self) -> None:
        await self._wait_for_batch()
        self._store.check_room(0)
        chunks, self._waiting, self._batched = self._waiting, [], self.size
        digests = (self._sha256, self._blake2b_256, self._md5)
        hashing = (asyncio.to_thread(_update, digest, chunks) for digest in digests)
        self._running = asyncio.gather(self._opened.writelines(chunks), *hashing)

    async def _wait_for_batch(self) -> None:
        """Wait until the last batch is written and hashed."""
        if self._running is not None:
            running, self._running = self._running, None
            await running

    async def give_up(self) -> None:
        """Wait for the last batch and ignore its failure."""
        with suppress(OSError, ValueError, asyncio.CancelledError):
            await self._wait_for_batch()

    async def finish(self) -> FileDigests:
        """Flush every byte to the disk, and return the size and digests."""
        await self._write_batch()
        await self._wait_for_batch()
        await self._opened.flush()
        await asyncio.to_thread(self._store.disk.sync, self._opened.fileno())
        return self._received()

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive."""
        return await self._store.inspector.read_contents(self._path, name, asker)

    def commit(self) -> None:
        """Move the file to its place under its digest."""
        self._store.commit(self._path, self._sha256.hexdigest())

    def _received(self) -> FileDigests:
        return FileDigests(
            size=self.size,
            sha256=self._sha256.hexdigest(),
            blake2b_256=self._blake2b_256.hexdigest(),
            md5=self._md5.hexdigest(),
        )


class _Reopened:
    """A file that is already stored; see `ports.IncomingFile`."""

    def __init__(self, store: FileStore, path: Path, received: FileDigests) -> None:
        self.size = received.size
        self._store = store
        self._path = path
        self._received = received

    async def write(self, chunk: bytes | memoryview) -> None:
        """Raise: the file is complete."""
        raise AssertionError(chunk)

    async def finish(self) -> FileDigests:
        """Return the size and digests."""
        return self._received

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive."""
        return await self._store.inspector.read_contents(self._path, name, asker)

    def commit(self) -> None:
        """Leave the file in its place, and make it as new as one that was just moved there."""
        os.utime(self._path)


def _digests(path: Path, algorithms: Mapping[str, int]) -> Mapping[str, str]:
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            for digest in digests.values():
                digest.update(chunk)
    return {name: _hex(digest, algorithms[name]) for name, digest in digests.items()}


def _update(digest: Any, chunks: Sequence[bytes | memoryview]) -> None:  # noqa: ANN401 - as above
    for chunk in chunks:
        digest.update(chunk)


def _hex(digest: Any, length: int) -> str:  # noqa: ANN401 - hashlib has two kinds of digests
    text: str = digest.hexdigest() if digest.digest_size else digest.hexdigest(length)
    return text


def _create(path: Path) -> AsyncBufferedIOBase:
    """Create a file that only its owner can read, and lock it until it is closed.

    On the event loop: a cancellation while a thread creates it would leave it behind.
    """
    opened = open(path, "xb", opener=partial(os.open, mode=0o600))  # noqa: SIM115 - closed by `receive`
    fcntl.flock(opened, fcntl.LOCK_SH)
    return AsyncBufferedIOBase(opened, loop=None, executor=None)


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


def _size_if_older(path: Path, before: datetime) -> int | None:
    """Return the size of a file that is older than *before*, `None` for any other."""
    try:
        status = path.stat()
    except FileNotFoundError:
        # An upload ended and deleted it.
        return None
    return status.st_size if status.st_mtime < before.timestamp() else None


def flush_folder(path: Path) -> None:
    """Flush the names in a folder to the disk."""
    with opened_folder(path) as descriptor:
        os.fsync(descriptor)


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """Open a folder while the block runs, to flush the names in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
