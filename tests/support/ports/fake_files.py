"""A store of files in memory."""

import asyncio
import hashlib
import io
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from errno import ENOENT
from functools import partial
from pathlib import Path
from typing import Any

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents, read_contents
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import NoRoomError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import (
    ArtifactFiles,
    BytesElsewhere,
    Clock,
    IncomingFile,
    NamedDigests,
    StoredBytes,
)


@dataclass(slots=True)
class FakeIncoming:
    """A file that is being received; see `ports.IncomingFile`."""

    files: "FakeFiles"
    size: int = 0
    content: bytes = b""
    md5: bool = False
    is_stored: bool = False

    async def write(self, chunk: bytes | memoryview) -> None:
        """Add bytes."""
        self.content += chunk
        self.size += len(chunk)

    async def finish(self, *, md5: bool = False) -> FileDigests:
        """Return the digests of what was received."""
        made = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        return FileDigests(
            size=self.size,
            sha256=hashlib.sha256(self.content).hexdigest(),
            blake2b_256=hashlib.blake2b(self.content, digest_size=32).hexdigest(),
            md5=made if md5 or self.md5 else None,
        )

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the archive, concurrently with others."""
        self.files.askers.append(asker)
        self.files.reading += 1
        self.files.concurrent.append(self.files.reading)
        await asyncio.sleep(0)
        self.files.reading -= 1
        return read_contents(io.BytesIO(self.content), name)

    async def store(self) -> None:
        """Note that the file was stored before the transaction that names it."""
        self.is_stored = True

    def commit(self) -> None:
        """Store the file under its digest."""
        if not self.is_stored:
            raise AssertionError("The file was not stored before its transaction.")
        digest = hashlib.sha256(self.content).hexdigest()
        self.files.stored[digest] = self.content
        self.files.touched[digest] = self.files.clock.now()


@dataclass(slots=True)
class FakeFiles:
    """Files in memory; see `ports.ArtifactFiles`. Their paths do not exist.

    *concurrent*: for each archive that was read, how many were being read, and *askers* for whom.
    """

    clock: Clock
    stored: dict[str, bytes] = field(default_factory=dict)
    touched: dict[str, datetime] = field(default_factory=dict)
    reading: int = 0
    room: int = sys.maxsize
    concurrent: list[int] = field(default_factory=list)
    askers: list[str] = field(default_factory=list)
    on_open: Callable[[str], None] = lambda _: None

    def check_room(self, size: int) -> None:
        """Raise if *size* bytes are more than there is room for."""
        if size > self.room:
            raise NoRoomError

    def receive(self, *, md5: bool = False) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a new file."""
        return self._receive(md5=md5)

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a stored file as if it had just been received."""
        content = self._content(received.sha256)
        return FakeIncoming(self, received.size, content, md5=received.md5 is not None)

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a stored file in hex, by hashlib's names of algorithms."""
        content = self._content(sha256)
        found: dict[str, str] = {}
        for name, length in algorithms.items():
            digest: Any = hashlib.new(name, content, usedforsecurity=False)
            found[name] = digest.hexdigest() if digest.digest_size else digest.hexdigest(length)
        return found

    def path(self, sha256: str) -> Path:
        """Return the path of a stored file."""
        return Path("stored") / sha256

    @asynccontextmanager
    async def on_disk(self, sha256: str) -> AsyncIterator[Path]:
        """Return the path of a stored file. *on_open* may raise, as a bucket does."""
        self.on_open(sha256)
        yield self.path(sha256)

    async def locate(self, sha256: str) -> StoredBytes | None:
        """Return where the bytes of a stored file are, or `None` if it is missing."""
        size = await self.size(sha256)
        return None if size is None else BytesElsewhere(size, partial(self._read, sha256))

    async def _read(self, sha256: str, first: int, end: int) -> AsyncIterator[bytes]:
        yield self._content(sha256)[first:end]

    async def size(self, sha256: str) -> int | None:
        """Return the size of a stored file, or `None` if it is missing."""
        content = self.stored.get(sha256)
        return None if content is None else len(content)

    def remove(self, sha256: str) -> None:
        """Delete a file, if it exists."""
        self.stored.pop(sha256, None)

    async def list_orphans(self, known: frozenset[str], before: datetime) -> Sequence[UnneededFile]:
        """Return the files that are not *known* and that are older than *before*."""
        return self._orphans(known, before)

    async def remove_orphans(
        self, named: NamedDigests, before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Delete the files that no row names and that are older than *before*."""
        orphans = await named(lambda known: self._orphans(known, before, prefix))
        for one in orphans:
            self.remove(one.name)
        return orphans

    async def remove_unnamed(self, digests: Collection[str], named: NamedDigests) -> None:
        """Delete those of some files that no row names any more."""
        for sha256 in await named(lambda known: frozenset(digests) - known):
            self.remove(sha256)

    def _orphans(
        self, known: frozenset[str], before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        return [
            UnneededFile(sha256, len(content))
            for sha256, content in self.stored.items()
            if sha256.startswith(prefix) and sha256 not in known and self.touched[sha256] < before
        ]

    def _content(self, sha256: str) -> bytes:
        if sha256 not in self.stored:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT))
        return self.stored[sha256]

    @asynccontextmanager
    async def _receive(self, *, md5: bool) -> AsyncIterator[IncomingFile]:
        yield FakeIncoming(self, md5=md5)


def fits_the_port(files: FakeFiles) -> ArtifactFiles:
    """Return the fake as its port, which mypy checks."""
    return files
