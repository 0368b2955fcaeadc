"""Sending a file of the disk to a bucket, hashed on the way: no store is trusted to check it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from stageproxy.core.errors import FailedBucketError, StorageError
from stageproxy.core.stage.digests import FileDigests
from stageproxy.store.s3.bucket import PART, Bucket

_CHUNK = 2**20


async def put_file(bucket: Bucket, key: str, path: Path, digests: FileDigests) -> None:
    """Store a file of the disk as a new object. Raise `StorageError` if its bytes are others.

    Then nothing is stored. An object that exists is this one: no name is used twice, so the
    answer to an earlier request was lost. A store that only claims so is not believed.
    """
    if digests.size > PART:
        await bucket.put_parts(key, _chunks(path, digests.sha256))
        return
    body = await asyncio.to_thread(path.read_bytes)
    _check(hashlib.sha256(body).hexdigest(), digests.sha256)
    if not await bucket.put_new(key, body):
        found = await bucket.find(key)
        if found is None or found.size != digests.size:
            raise FailedBucketError("it does not have what it has just stored")


async def _chunks(path: Path, sha256: str) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            await asyncio.to_thread(digest.update, chunk)
            yield chunk
    _check(digest.hexdigest(), sha256)


def _check(sent: str, sha256: str) -> None:
    if sent != sha256:
        raise StorageError(
            "The file changed on the server's disk before it was stored, so nothing was. Upload "
            "it again. If that happens often, the server's operator must check the disk."
        )
