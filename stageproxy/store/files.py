"""Files on disk, hashed while they are received, flushed, and named by their SHA-256."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import IncomingFile, Inspector, NamedDigests
from stageproxy.store.disk import Disk
from stageproxy.store.hashing import digests_of_file, with_md5
from stageproxy.store.spool import Spool, Spooled, size_if_older

_ID_BYTES = 16


class FileStore:
    """The folder of files: `kept/<first two digits>/<sha256>`, and `incoming/` for the others."""

    def __init__(self, root: Path, inspector: Inspector, disk: Disk | None = None) -> None:
        self.root = root
        self.inspector = inspector
        self.disk = disk or Disk(root)
        # Absolute: the process that reads archives has another working directory.
        root = root.absolute()
        self._kept = root / "kept"
        self._spool = Spool(root / "incoming", self.disk)
        self._digesting = asyncio.Semaphore(1)
        for folder in (root, self._kept, self._spool.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @asynccontextmanager
    async def receive(self, *, md5: bool = False) -> AsyncIterator[IncomingFile]:
        """Open a file to receive bytes. *md5*: whether to make that digest on the way, too."""
        async with self._spool.receive(md5=md5) as spooled:
            yield _Incoming(self, spooled)

    def check_room(self, size: int) -> None:
        """Raise `StorageError` unless a file of *size* bytes may be stored."""
        self.disk.check_room(size)

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a stored file as if it had just been received."""
        return _Reopened(self, self.path(received.sha256), received)

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a stored file in hex, by hashlib's name of the algorithm."""
        # One file at a time: the other threads are for uploads.
        async with self._digesting:
            return await asyncio.to_thread(digests_of_file, self.path(sha256), algorithms)

    async def check(self) -> str | None:
        """Return why no file can be stored, if none can. One is written to find out."""
        return await asyncio.to_thread(self._spool.check)

    async def installation(self) -> str:
        """Return the random id of the folder, which is written beside it."""
        return await asyncio.to_thread(_id_in, self.root.with_name("installation"))

    def path(self, sha256: str) -> Path:
        """Return the path of a stored file."""
        return stored_path(self._kept.parent, sha256)

    @asynccontextmanager
    async def on_disk(self, sha256: str) -> AsyncIterator[Path]:
        """Return the path of a stored file: it is on the disk anyway."""
        yield self.path(sha256)

    async def size(self, sha256: str) -> int | None:
        """Return the size of a stored file in bytes, as it is now, or `None` if it is missing."""
        # Not on a thread: one system call takes less time than the way there.
        return _size(self.path(sha256))

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

    async def list_orphans(self, known: frozenset[str], before: datetime) -> Sequence[UnneededFile]:
        """Return the files that are not *known* and that are older than *before*."""
        # On a thread: it looks at every file.
        return await asyncio.to_thread(self._list_orphans, known, before)

    async def remove_orphans(
        self, named: NamedDigests, before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Delete the files that no row names, within the transaction that excludes uploads."""

        def work(known: frozenset[str]) -> Sequence[UnneededFile]:
            orphans = self._list_orphans(known, before, prefix)
            for orphan in orphans:
                (self._kept.parent / orphan.name).unlink(missing_ok=True)
            return orphans

        return await named(work)

    async def remove_unnamed(self, digests: Collection[str], named: NamedDigests) -> None:
        """Delete files, within the transaction that excludes uploads."""

        def work(known: frozenset[str]) -> None:
            for sha256 in frozenset(digests) - known:
                self.path(sha256).unlink(missing_ok=True)

        await named(work)

    def _list_orphans(
        self, known: frozenset[str], before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Return orphans. Files that are being received, by any process, are never among them."""
        kept = self._kept.glob(f"{prefix[:2]}*/{prefix}*")
        orphans = [path for path in kept if path.name not in known]
        sizes = ((path, size_if_older(path, before)) for path in [*orphans, *self._spool.left()])
        return [
            UnneededFile(path.relative_to(self._kept.parent).as_posix(), size)
            for path, size in sizes
            if size is not None
        ]


def stored_path(root: Path, sha256: str) -> Path:
    """Return the path of a stored file below the folder of files."""
    return root / "kept" / sha256[:2] / sha256


class _Incoming:
    """A file that is being received; see `ports.IncomingFile`."""

    def __init__(self, store: FileStore, spooled: Spooled) -> None:
        self._store = store
        self._path = spooled.path
        self._receiving = spooled.receiving

    @property
    def size(self) -> int:
        return self._receiving.size

    async def write(self, chunk: bytes | memoryview) -> None:
        """Write the next bytes, and hash them, while more are received."""
        await self._receiving.write(chunk)

    async def finish(self, *, md5: bool = False) -> FileDigests:
        """Flush every byte to the disk, and return the size and digests."""
        return await with_md5(await self._receiving.flushed(), self._path, wanted=md5)

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive as soon as all of it is written."""
        await self._receiving.written()
        return await self._store.inspector.read_contents(self._path, name, asker)

    async def store(self) -> None:
        """Do nothing: `finish` has flushed the file to the same disk."""

    def commit(self) -> None:
        """Move the file to its place under its digest."""
        self._store.commit(self._path, self._receiving.digests["sha256"].hexdigest())


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

    async def finish(self, *, md5: bool = False) -> FileDigests:
        """Return the size and digests."""
        return await with_md5(self._received, self._path, wanted=md5)

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive."""
        return await self._store.inspector.read_contents(self._path, name, asker)

    async def store(self) -> None:
        """Do nothing: the file is stored."""

    def commit(self) -> None:
        """Leave the file in its place, and make it as new as one that was just moved there."""
        os.utime(self._path)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


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


def _id_in(path: Path) -> str:
    """Return the id in a file. Whoever comes first writes it, as a whole."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.write_text(secrets.token_hex(_ID_BYTES))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()
