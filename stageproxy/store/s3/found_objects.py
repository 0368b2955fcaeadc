"""The files of a bucket as they are there: found, read, put aside, deleted."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from stageproxy.core.care.snapshot import FoundFile, Place, Reading, Unreadable
from stageproxy.core.errors import FailedBucketError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.store.found_files import FoundFiles
from stageproxy.store.hashing import Digesting
from stageproxy.store.s3.bucket import Bucket, StoredObject
from stageproxy.store.s3.files import PROBE
from stageproxy.store.s3.generations import KEY, Generation, folder_of
from stageproxy.store.s3.installation import INSTALLATION

_DAMAGED = "damaged"
_OF_SERVERS = frozenset({PROBE, INSTALLATION})


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """The files in the bucket at a *url*, and what a data directory has beside them.

    A file with several generations is the newest of them; a sweep deletes the others. See
    `services.care.fsck.Disk` and `services.care.repair.RepairableFiles`.
    """

    url: str
    bucket: Bucket
    local: FoundFiles
    runner: asyncio.Runner

    def list_files(self) -> Sequence[FoundFile]:
        """Return the files in the bucket, and those that the data directory has for itself."""
        beside = [one for one in self.local.list_files() if one.place is not Place.KEPT]
        return [*self._found(self.runner.run(self.bucket.list(""))), *beside]

    def read(self, sha256: str, report: Callable[[int], None]) -> Reading:
        """Return the size and digests of a stored file. *report* is called with each count."""
        try:
            return self.runner.run(self._read(sha256, report))
        except FileNotFoundError:
            return None
        except FailedBucketError as error:
            return Unreadable(error.reason)

    def list_exposed(self) -> Sequence[str]:
        """Return the secrets in the data directory that other users can read."""
        return self.local.list_exposed()

    def put_aside(self, sha256: str) -> None:
        """Move a damaged stored file to the folder for damaged files, if it is there."""
        self.runner.run(self._put_aside(sha256))

    def forget_failure(self) -> None:
        """End the state in which a server takes no uploads because its disk has failed."""
        self.local.forget_failure()

    def delete(self, path: str) -> None:
        """Delete a file by its path, as it was found, if it is there."""
        if not path.startswith(self.url):
            self.local.delete(path)
            return
        self.runner.run(self._delete(path.removeprefix(f"{self.url}/")))

    def _found(self, objects: Sequence[StoredObject]) -> Iterator[FoundFile]:
        kept = [one for one in objects if KEY.fullmatch(one.key)]
        generations = sorted(Generation(one.key, one.size, one.stored_at) for one in kept)
        for sha256, of_file in groupby(generations, key=lambda one: one.sha256):
            newest = max(of_file)
            path = f"{self.url}/{folder_of(sha256)}"
            yield FoundFile(path, Place.KEPT, newest.size, newest.stored_at)
        for one in objects:
            is_ours = one.key in _OF_SERVERS or one.key.startswith(f"{_DAMAGED}/")
            if not is_ours and not KEY.fullmatch(one.key):
                path = f"{self.url}/{one.key}"
                yield FoundFile(path, Place.UNKNOWN, one.size, one.stored_at)

    async def _read(self, sha256: str, report: Callable[[int], None]) -> FileDigests:
        newest = max(await self._generations(sha256), key=lambda one: one.key, default=None)
        if newest is None:
            raise FileNotFoundError(sha256)
        made = Digesting()
        async for piece in self.bucket.read(newest.key, 0, newest.size):
            made.add(piece)
            report(len(piece))
        return made.digests()

    async def _put_aside(self, sha256: str) -> None:
        for one in await self._generations(sha256):
            with suppress(FileNotFoundError):
                await self.bucket.copy(one.key, f"{_DAMAGED}/{sha256}/{one.key.rpartition('/')[2]}")
            await self.bucket.delete([one.key])

    async def _delete(self, folder: str) -> None:
        await self.bucket.delete([one.key for one in await self.bucket.list(folder)])

    async def _generations(self, sha256: str) -> Sequence[StoredObject]:
        return await self.bucket.list(folder_of(sha256))
