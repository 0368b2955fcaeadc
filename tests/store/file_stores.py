"""What the tests of stores of files do with one."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from stageproxy.core.stage.digests import FileDigests
from stageproxy.ports import ArtifactFiles, Clock, NamedDigests
from stageproxy.server.clock import SystemClock
from stageproxy.store.bucket_address import BucketAddress
from stageproxy.store.disk import Disk
from stageproxy.store.s3.bucket import Bucket
from stageproxy.store.s3.files import BucketFiles
from stageproxy.store.spool import Spool
from tests.store.builders import HOUR
from tests.support.ports.in_process_inspector import InProcessInspector
from tests.support.servers.s3 import ACCESS_KEY, REGION, SECRET

T = TypeVar("T")

NOTHING_KNOWN: frozenset[str] = frozenset()


def address_of(bucket: str, endpoint: str, *, timeout: float = 30) -> BucketAddress:
    """Return the address of a bucket on this machine, or of a prefix in it."""
    return BucketAddress(
        f"s3://{bucket}",
        endpoint=endpoint,
        region=REGION,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET,
        timeout=timedelta(seconds=timeout),
    )


def bucket_files(
    bucket: Bucket,
    folder: Path,
    *,
    min_age: timedelta = -2 * HOUR,
    clock: Clock | None = None,
    signed_for: timedelta | None = None,
) -> BucketFiles:
    """Return the files in a bucket, with a spool in a folder, whose files are old at once."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    inspector = InProcessInspector()
    return BucketFiles(
        bucket,
        Spool(spool, Disk(spool)),
        inspector,
        clock or SystemClock(),
        min_age=min_age,
        signed_for=signed_for,
    )


async def store_file(files: ArtifactFiles, content: bytes) -> str:
    """Store a file and return its digest."""
    return (await store_received(files, content)).sha256


async def store_received(files: ArtifactFiles, content: bytes) -> FileDigests:
    """Store a file and return its digests."""
    async with files.receive() as file:
        await file.write(content)
        received = await file.finish()
        await file.store()
        file.commit()
    return received


def naming(known: frozenset[str]) -> NamedDigests:
    """Return how files are found that rows name."""

    async def run(work: Callable[[frozenset[str]], T]) -> T:
        return work(known)

    return run


async def swept(files: ArtifactFiles, known: frozenset[str], before: datetime) -> int:
    """Delete the orphans as a sweep does, and return how many there were."""
    planned = await files.list_orphans(known, before)
    assert await files.remove_orphans(naming(known), before) == planned
    return len(planned)


async def is_stored(files: ArtifactFiles, sha256: str) -> bool:
    """Return whether a file is stored."""
    return await files.size(sha256) is not None


def digests_of(content: bytes) -> FileDigests:
    """Return the size and digests of some bytes, by hashlib."""
    return FileDigests(
        len(content),
        hashlib.sha256(content).hexdigest(),
        hashlib.blake2b(content, digest_size=32).hexdigest(),
        hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )
