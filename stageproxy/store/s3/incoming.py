"""Files that are received, or opened again, on their way to a bucket."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.errors import LateFileError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import Clock, Inspector
from stageproxy.store.hashing import with_md5
from stageproxy.store.spool import Spooled

_MOST_AGE = timedelta(minutes=10)
"""Much less than the age at which a sweep deletes what no row names, by any server's clock."""


class GenerationStore(Protocol):
    """The files in a bucket, as those on their way to it need them."""

    @property
    def inspector(self) -> Inspector:
        """Who reads archives."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a stored file."""

    def on_disk(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        """Return a stored file as one on the disk."""

    async def put(self, spooled: Spooled) -> None:
        """Store a received file as a new generation."""

    async def put_again(self, received: FileDigests) -> None:
        """Store a stored file as a new generation."""


@dataclass(slots=True)
class SpooledFile:
    """A file that is being received; see `ports.IncomingFile`. The spool need not be flushed."""

    files: GenerationStore
    spooled: Spooled
    _stored_since: datetime | None = None

    @property
    def size(self) -> int:
        """How many bytes were received."""
        return self.spooled.receiving.size

    async def write(self, chunk: bytes | memoryview) -> None:
        """Write the next bytes, and hash them, while more are received."""
        await self.spooled.receiving.write(chunk)

    async def finish(self, *, md5: bool = False) -> FileDigests:
        """Return the size and digests as soon as all bytes are there."""
        return await with_md5(await self.spooled.receiving.hashed(), self.spooled.path, wanted=md5)

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive as soon as all of it is written."""
        await self.spooled.receiving.written()
        return await self.files.inspector.read_contents(self.spooled.path, name, asker)

    async def store(self) -> None:
        """Put the file into the bucket."""
        began = self.files.clock.now()
        await self.files.put(self.spooled)
        self._stored_since = began

    def commit(self) -> None:
        """Raise `LateFileError` if the file was put so long ago that a sweep may delete it."""
        _check_is_recent(self._stored_since, self.files.clock)


@dataclass(slots=True)
class ReopenedObject:
    """A file that is already stored; see `ports.IncomingFile`."""

    files: GenerationStore
    received: FileDigests
    _stored_since: datetime | None = None

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.received.size

    async def write(self, chunk: bytes | memoryview) -> None:
        """Raise: the file is complete."""
        raise AssertionError(chunk)

    async def finish(self, *, md5: bool = False) -> FileDigests:
        """Return the size and digests. MD5 is made if it is wanted and not known."""
        if not md5 or self.received.md5 is not None:
            return self.received
        made = await self.files.digests(self.received.sha256, {"md5": 0})
        return replace(self.received, md5=made["md5"])

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive from a copy on the disk."""
        async with self.files.on_disk(self.received.sha256) as path:
            return await self.files.inspector.read_contents(path, name, asker)

    async def store(self) -> None:
        """Copy the file within the bucket, so that it is as new as one that was just received."""
        began = self.files.clock.now()
        await self.files.put_again(self.received)
        self._stored_since = began

    def commit(self) -> None:
        """Raise `LateFileError` if the file was copied so long ago that a sweep may delete it."""
        _check_is_recent(self._stored_since, self.files.clock)


def _check_is_recent(since: datetime | None, clock: Clock) -> None:
    """Raise `LateFileError` unless a file was stored, and only a short time ago."""
    if since is None:
        raise AssertionError("The file was not stored before its transaction.")
    if abs(clock.now() - since) > _MOST_AGE:
        raise LateFileError
