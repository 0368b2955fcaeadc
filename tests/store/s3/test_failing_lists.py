"""Lists of objects that fail between two pages: nothing is taken for missing, none is deleted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import repeat
from pathlib import Path

import pytest

from stageproxy.core.errors import FailedBucketError
from stageproxy.store.s3.bucket import Bucket, open_bucket
from stageproxy.store.s3.files import BucketFiles
from stageproxy.store.s3.generations import new_key
from tests.store.builders import NOW
from tests.store.file_stores import (
    NOTHING_KNOWN,
    address_of,
    bucket_files,
    digests_of,
    naming,
)
from tests.support.servers.faulty_s3 import FaultyS3, S3Fault, faulty_s3
from tests.support.servers.s3 import LISTED_AT_ONCE, S3Server

FILES = LISTED_AT_ONCE + 3
"""They need two pages."""
LATER = NOW + timedelta(days=36500)


@pytest.fixture
async def proxy(moto: S3Server) -> AsyncIterator[FaultyS3]:
    """Run a proxy that may fail from the second page of a list on."""
    async with faulty_s3(moto.endpoint) as running:
        running.affected = lambda request: "continuation-token" in request.query
        yield running


@pytest.fixture
def bucket(moto: S3Server, proxy: FaultyS3) -> Bucket:
    """Return an empty bucket behind the proxy."""
    return open_bucket(address_of(moto.create_bucket(), proxy.url, timeout=10))


@pytest.fixture
async def files(bucket: Bucket, tmp_path: Path) -> BucketFiles:
    """Return a store with some files that no row names."""
    async with asyncio.TaskGroup() as group:
        for number in range(FILES):
            sha256 = digests_of(str(number).encode()).sha256
            group.create_task(bucket.put(new_key(sha256, NOW), b"x"))
    return bucket_files(bucket, tmp_path)


async def count(files: BucketFiles) -> int:
    """Return how many files are stored."""
    return len(await files.list_orphans(NOTHING_KNOWN, LATER))


async def test_pages(files: BucketFiles, proxy: FaultyS3) -> None:
    """All pages are read, also if one of them has to be asked for again."""
    proxy.faults = iter([S3Fault.FAILURE])

    assert await count(files) == FILES
    assert proxy.happened == {S3Fault.FAILURE: 1}


@pytest.mark.parametrize("fault", [S3Fault.FAILURE, S3Fault.FORBIDDEN, S3Fault.CUT])
async def test_list_that_ends_early(files: BucketFiles, proxy: FaultyS3, fault: S3Fault) -> None:
    """A sweep that cannot list all files deletes none; a later one deletes all of them."""
    proxy.faults = repeat(fault)
    with pytest.raises(FailedBucketError):
        await files.remove_orphans(naming(NOTHING_KNOWN), LATER)
    proxy.recover()

    assert await count(files) == FILES
    assert len(await files.remove_orphans(naming(NOTHING_KNOWN), LATER)) == FILES
    assert await count(files) == 0
