"""Here are artifacts on disk: hashed as they stream in, flushed, named by their digest."""

import asyncio
import errno
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import aiofiles.os
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.errors import NoRoomError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import IncomingFile

_BATCH = 2**21
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Inspector(Protocol):
    """Who looks into archives; see `inspection.Inspection`."""

    async def read_contents(self, path: Path, name: DistributionName) -> Contents:
        """Return what stands in the archive at *path*, or what is wrong with it."""


class FileStore:
    """The folder of artifacts: `kept/<sha256>` by two-letter folders, `incoming/` for the rest."""

    def __init__(self, root: Path, inspector: Inspector) -> None:
        self.root = root
        self.inspector = inspector
        # Absolute: what reads archives has another working directory.
        root = root.absolute()
        self._kept = root / "kept"
        self._incoming = root / "incoming"
        self._receiving: set[Path] = set()
        self._digesting = asyncio.Semaphore(1)
        for folder in (root, self._kept, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[IncomingFile]:
        """Open a file for bytes that come in."""
        path = self._incoming / secrets.token_hex(16)
        with _room_or_error():
            opened = _create(path)
            self._receiving.add(path)
            incoming = _Incoming(self, path, opened)
            try:
                yield incoming
                await opened.close()
            finally:
                await incoming.give_up()
                await self._drop(path, opened)

    async def _drop(self, path: Path, opened: AsyncBufferedIOBase) -> None:
        self._receiving.discard(path)
        # What did not fit before does not fit now, which was told already.
        with suppress(OSError):
            await opened.close()
        # It may have been kept, even at this very moment for a caller that was cancelled.
        with suppress(FileNotFoundError):
            await aiofiles.os.remove(path)

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a file that is kept already as one that has just come in."""
        return _Reopened(self, self.path(received.sha256), received)

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a kept file in hex, by hashlib's name of the algorithm."""
        # One file at a time: threads are for what comes in.
        async with self._digesting:
            return await asyncio.to_thread(_digests, self.path(sha256), algorithms)

    def path(self, sha256: str) -> Path:
        """Return where a kept file is."""
        return self._kept / sha256[:2] / sha256

    def commit(self, path: Path, sha256: str) -> None:
        """Rename a flushed file to its digest, and flush the folders that name it."""
        kept = self.path(sha256)
        with _room_or_error():
            if not kept.parent.exists():
                kept.parent.mkdir(mode=0o700, exist_ok=True)
                flush_folder(self._kept)
            path.replace(kept)
            flush_folder(kept.parent)

    def remove(self, sha256: str) -> None:
        """Delete a file, if it is there."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, known: frozenset[str], before: datetime) -> int:
        """Delete what no row names and nobody has touched since *before*; return how many.

        What still comes in is spared, whatever a clock that jumps says of its age.
        """
        orphans = [path for path in self._kept.glob("*/*") if path.name not in known]
        left = [path for path in self._incoming.iterdir() if path not in self._receiving]
        stale = [path for path in [*orphans, *left] if _is_older(path, before)]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


class _Incoming:
    """A file on its way in; see `ports.IncomingFile`."""

    def __init__(self, store: FileStore, path: Path, opened: AsyncBufferedIOBase) -> None:
        self.size = 0
        self._store = store
        self._path = path
        self._opened = opened
        self._waiting: list[bytes] = []
        self._handed_on = 0
        self._under_way: asyncio.Future[list[Any]] | None = None
        self._sha256 = hashlib.sha256()
        self._blake2b_256 = hashlib.blake2b(digest_size=32)
        self._md5 = hashlib.md5(usedforsecurity=False)

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes: written on one thread, hashed on others, while more of them come.

        Many small pieces go as one: handing them to threads costs more than hashing them.
        """
        self._waiting.append(chunk)
        self.size += len(chunk)
        if self.size - self._handed_on >= _BATCH:
            await self._hand_on()

    async def _hand_on(self) -> None:
        await self._settle()
        chunks, self._waiting, self._handed_on = self._waiting, [], self.size
        digests = (self._sha256, self._blake2b_256, self._md5)
        hashing = (asyncio.to_thread(_update, digest, chunks) for digest in digests)
        self._under_way = asyncio.gather(self._opened.writelines(chunks), *hashing)

    async def _settle(self) -> None:
        """Wait for the bytes that were handed on last."""
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            await under_way

    async def give_up(self) -> None:
        """Wait for what still runs; what it fails with does not matter any more."""
        with suppress(OSError, ValueError, asyncio.CancelledError):
            await self._settle()

    async def finish(self) -> FileDigests:
        """Make sure that every byte is on the disk, and return what was received."""
        await self._hand_on()
        await self._settle()
        await self._opened.flush()
        await asyncio.to_thread(os.fsync, self._opened.fileno())
        return self._received()

    async def read_contents(self, name: DistributionName) -> Contents:
        """Look into the archive."""
        return await self._store.inspector.read_contents(self._path, name)

    def commit(self) -> None:
        """Put the file where its digest says, for good."""
        self._store.commit(self._path, self._sha256.hexdigest())

    def _received(self) -> FileDigests:
        return FileDigests(
            size=self.size,
            sha256=self._sha256.hexdigest(),
            blake2b_256=self._blake2b_256.hexdigest(),
            md5=self._md5.hexdigest(),
        )


class _Reopened:
    """A file that is kept already; see `ports.IncomingFile`."""

    def __init__(self, store: FileStore, path: Path, received: FileDigests) -> None:
        self.size = received.size
        self._store = store
        self._path = path
        self._received = received

    async def write(self, chunk: bytes) -> None:
        """Refuse: the file is whole."""
        raise AssertionError(chunk)

    async def finish(self) -> FileDigests:
        """Return what was received."""
        return self._received

    async def read_contents(self, name: DistributionName) -> Contents:
        """Look into the archive."""
        return await self._store.inspector.read_contents(self._path, name)

    def commit(self) -> None:
        """Leave the file where it is, as if it had just been put there."""
        os.utime(self._path)


@contextmanager
def _room_or_error() -> Iterator[None]:
    """Say in our words that the disk is full; every other failure of it is a fault to look at."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoomError from error
        raise


def _digests(path: Path, algorithms: Mapping[str, int]) -> Mapping[str, str]:
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            for digest in digests.values():
                digest.update(chunk)
    return {name: _hex(digest, algorithms[name]) for name, digest in digests.items()}


def _update(digest: Any, chunks: Sequence[bytes]) -> None:  # noqa: ANN401 - as above
    for chunk in chunks:
        digest.update(chunk)


def _hex(digest: Any, length: int) -> str:  # noqa: ANN401 - hashlib has two kinds of digests
    text: str = digest.hexdigest() if digest.digest_size else digest.hexdigest(length)
    return text


def _create(path: Path) -> AsyncBufferedIOBase:
    """Create a file that only its owner can read.

    At once, not on a thread: who is cancelled meanwhile would leave it behind.
    """
    opened = open(path, "xb", opener=partial(os.open, mode=0o600))  # noqa: SIM115 - closed by `receive`
    return AsyncBufferedIOBase(opened, loop=None, executor=None)


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return path.stat().st_mtime < before.timestamp()
    except FileNotFoundError:
        # An upload ended, and took it away.
        return False


def flush_folder(path: Path) -> None:
    """Make sure that the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
