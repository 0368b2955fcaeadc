"""The files of artifacts in a bucket, received in a spool on the disk."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from errno import ENOENT
from functools import partial
from pathlib import Path

from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.errors import OtherBytesError, StorageError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import BytesElsewhere, Clock, IncomingFile, Inspector, NamedDigests
from stageproxy.store.hashing import hex_of, new_digests, update
from stageproxy.store.s3.bucket import Bucket
from stageproxy.store.s3.generations import (
    Generation,
    folder_of,
    folder_with,
    list_unneeded,
    new_key,
)
from stageproxy.store.s3.incoming import ReopenedObject, SpooledFile
from stageproxy.store.s3.installation import installation_of
from stageproxy.store.s3.sending import put_file
from stageproxy.store.spool import Spool, Spooled, size_if_older

MIN_AGE = timedelta(hours=1)
"""How old a generation is at least that is deleted, by the clock of the store."""
_READ_AT_ONCE = 4
PROBE = "probe"


@dataclass(frozen=True, slots=True)
class BucketFiles:
    """The files of artifacts in a bucket; see `ports.ArtifactFiles`."""

    bucket: Bucket
    spool: Spool
    inspector: Inspector
    clock: Clock
    min_age: timedelta = MIN_AGE
    signed_for: timedelta | None = None
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_READ_AT_ONCE))

    @asynccontextmanager
    async def receive(self, *, md5: bool = False) -> AsyncIterator[IncomingFile]:
        """Open a file to receive bytes. *md5*: whether to make that digest on the way, too."""
        async with self.spool.receive(md5=md5) as spooled:
            yield SpooledFile(self, spooled)

    def check_room(self, size: int) -> None:
        """Raise `StorageError` unless the spool has room for a file of *size* bytes."""
        self.spool.disk.check_room(size)

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a stored file as if it had just been received."""
        return ReopenedObject(self, received)

    async def put(self, spooled: Spooled) -> None:
        """Store a received file as a new generation. One that exists is not trusted."""
        digests = await spooled.receiving.hashed()
        key = new_key(digests.sha256, self.clock.now())
        await put_file(self.bucket, key, spooled.path, digests)

    async def put_again(self, received: FileDigests) -> None:
        """Store a stored file as a new generation."""
        stored = await self.get(received.sha256)
        await self.bucket.copy(stored.key, new_key(received.sha256, self.clock.now()))

    async def find(self, sha256: str) -> Generation | None:
        """Return the newest generation of a file, if it is stored."""
        return max(await self._list(folder_of(sha256)), default=None)

    async def get(self, sha256: str) -> Generation:
        """Return the newest generation of a file. Raise `FileNotFoundError` if there is none."""
        found = await self.find(sha256)
        if found is None:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), sha256)
        return found

    async def size(self, sha256: str) -> int | None:
        """Return the size of a stored file in bytes, as it is now, or `None` if it is missing."""
        found = await self.find(sha256)
        return None if found is None else found.size

    async def read(self, stored: Generation, first: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a stored file from *first* to before *end*, in pieces.

        If a sweep deletes its generation meanwhile, the newer one has the same bytes.
        """
        while first < end:
            try:
                async for piece in self.bucket.read(stored.key, first, end):
                    first += len(piece)
                    yield piece
            except FileNotFoundError:
                newer = await self.get(stored.sha256)
                if newer.key == stored.key or newer.size != stored.size:
                    raise
                stored = newer

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a stored file in hex, by hashlib's name of the algorithm."""
        stored = await self.get(sha256)
        digests = new_digests(algorithms)
        # A few files at a time: the memory and the other threads are for uploads.
        async with self._reading:
            async for piece in self.read(stored, 0, stored.size):
                await asyncio.to_thread(update, digests.values(), piece)
        return {name: hex_of(digest, algorithms[name]) for name, digest in digests.items()}

    @asynccontextmanager
    async def on_disk(self, sha256: str) -> AsyncIterator[Path]:
        """Download a stored file to the spool for as long as the block runs."""
        stored = await self.get(sha256)
        self.check_room(stored.size)
        async with self.spool.receive() as spooled:
            async for piece in self.read(stored, 0, stored.size):
                await spooled.receiving.write(piece)
            if (await spooled.receiving.hashed()).sha256 != sha256:
                raise OtherBytesError
            yield spooled.path

    async def locate(self, sha256: str) -> BytesElsewhere | None:
        """Return where the bytes of a stored file are, or `None` if it is missing."""
        found = await self.find(sha256)
        if found is None:
            return None
        sign = None
        if self.signed_for is not None:
            sign = partial(self.bucket.signed_url, found.key, self.signed_for)
        return BytesElsewhere(found.size, partial(self.read, found), sign)

    async def check(self) -> str | None:
        """Return why no file can be stored, if none can. One is written to find out."""
        reason = await asyncio.to_thread(self.spool.check)
        if reason is not None:
            return reason
        try:
            await self.bucket.put(PROBE, b"ready?")
        except StorageError as error:
            return error.sentence
        return None

    async def installation(self) -> str:
        """Return the random id of the bucket, or of the part of it below a prefix."""
        return await installation_of(self.bucket)

    async def list_orphans(self, known: frozenset[str], before: datetime) -> Sequence[UnneededFile]:
        """Return the generations that are not needed, and what a crash left in this spool."""
        before = min(before, await self._settled_before())
        generations = list_unneeded(await self._list(folder_with("")), known, before)
        return [*map(_unneeded, generations), *await asyncio.to_thread(self._left, before)]

    async def remove_orphans(
        self, named: NamedDigests, before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Delete the generations that are not needed; see `list_unneeded`.

        Those of uploads that are going on are younger: whoever names one makes sure of that.
        """
        before = min(before, await self._settled_before())
        listed = await self._list(folder_with(prefix))
        known = await named(lambda digests: digests)
        of_prefix = [one for one in listed if one.sha256.startswith(prefix)]
        unneeded = list_unneeded(of_prefix, known, before)
        await self.bucket.delete([one.key for one in unneeded])
        left = await asyncio.to_thread(self._remove_left, before)
        return [*map(_unneeded, unneeded), *left]

    async def remove_unnamed(self, digests: Collection[str], named: NamedDigests) -> None:
        """Delete the generations of some files that no row names any more.

        Those that an upload may be about to name are left to a sweep.
        """
        before = await self._settled_before()
        listed = [one for sha256 in digests for one in await self._list(folder_of(sha256))]
        known = await named(lambda known: known)
        await self.bucket.delete([one.key for one in list_unneeded(listed, known, before)])

    async def _list(self, folder: str) -> Sequence[Generation]:
        return [
            Generation(one.key, one.size, one.stored_at) for one in await self.bucket.list(folder)
        ]

    async def _settled_before(self) -> datetime:
        """Return before when a generation was put that no upload will name, by the store's clock.

        A server whose clock is ahead must not delete what another one is about to name.
        """
        await self.bucket.put(PROBE, b"what time is it?")
        probe = await self.bucket.find(PROBE)
        return (probe.stored_at if probe else self.clock.earliest()) - self.min_age

    def _left(self, before: datetime) -> Sequence[UnneededFile]:
        left = ((path, size_if_older(path, before)) for path in self.spool.left())
        return [UnneededFile(str(path), size) for path, size in left if size is not None]

    def _remove_left(self, before: datetime) -> Sequence[UnneededFile]:
        left = self._left(before)
        for one in left:
            Path(one.name).unlink(missing_ok=True)
        return left


def _unneeded(generation: Generation) -> UnneededFile:
    return UnneededFile(generation.key, generation.size)
