"""Bytes on their way to the disk, hashed on threads of their own while more of them arrive."""

import asyncio
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from stageproxy.core.stage.digests import FileDigests
from stageproxy.store.disk import Disk

Piece = bytes | bytearray | memoryview

_BATCH = 2**20
_SMALL = 2**14
"""Pieces below this size are joined. Larger ones are not copied: all threads read the same."""


@dataclass(slots=True)
class Receiving:
    """What a file receives. The bytes go to threads in batches: a hand-over for each piece costs
    more than its digests. `_jobs`: what threads do with the last batch, its write first.
    """

    file: io.FileIO
    disk: Disk
    digests: dict[str, Any]
    size: int = 0
    _waiting: list[Piece] = field(default_factory=list)
    _batched: int = 0
    _jobs: list[asyncio.Future[None]] = field(default_factory=list)
    _handing_over: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes."""
        if len(chunk) >= _SMALL:
            self._waiting.append(chunk)
        elif self._waiting and isinstance(self._waiting[-1], bytearray):
            self._waiting[-1] += chunk
        else:
            self._waiting.append(bytearray(chunk))
        self.size += len(chunk)
        if self.size - self._batched >= _BATCH:
            await self._hand_over()

    async def written(self) -> None:
        """Wait until every byte is written, though maybe not flushed or hashed yet."""
        await self._hand_over()
        if self._jobs:
            await asyncio.shield(self._jobs[0])

    async def flushed(self) -> FileDigests:
        """Flush every byte to the disk while the digests end. Return them and the size."""
        await self.written()
        self._jobs.append(_start(self.disk.sync, self.file.fileno()))
        return await self.hashed()

    async def hashed(self) -> FileDigests:
        """Return the digests and the size as soon as every byte is written and hashed."""
        await self.written()
        await self._wait()
        return FileDigests(
            self.size, **{name: digest.hexdigest() for name, digest in self.digests.items()}
        )

    async def give_up(self) -> None:
        """Wait for the threads, which may still use the file, and ignore their failures."""
        with suppress(asyncio.CancelledError):
            await asyncio.shield(asyncio.gather(*self._jobs, return_exceptions=True))

    async def _hand_over(self) -> None:
        """Hand the next batch, if there is one, to threads when they are done with the last."""
        async with self._handing_over:
            if not self._waiting:
                return
            await self._wait()
            self.disk.check_room(0)
            batch, self._waiting, self._batched = self._waiting, [], self.size
            self._jobs = [
                _start(_write, self.file.fileno(), batch),
                *(_start(_update, digest, batch) for digest in self.digests.values()),
            ]

    async def _wait(self) -> None:
        for job in self._jobs:
            # A thread goes on when its caller is cancelled: `give_up` waits for it.
            await asyncio.shield(job)


def digests_of_uploads(*, md5: bool) -> dict[str, Any]:
    """Return the digests of a file that is uploaded, by the names in `FileDigests`."""
    digests = {"sha256": hashlib.sha256(), "blake2b_256": hashlib.blake2b(digest_size=32)}
    return {**digests, "md5": hashlib.md5(usedforsecurity=False)} if md5 else digests


def _start(work: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
    return asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def _write(descriptor: int, batch: Sequence[Piece]) -> None:
    left = [memoryview(piece) for piece in batch]
    while left:
        written = os.writev(descriptor, left)
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


def _update(digest: Any, batch: Sequence[Piece]) -> None:  # noqa: ANN401 - hashlib has several kinds
    for piece in batch:
        digest.update(piece)
