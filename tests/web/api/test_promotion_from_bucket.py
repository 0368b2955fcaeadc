"""Promotions of files that are in a bucket, which fails, or has other bytes, since the freeze."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient, promotion_settings
from tests.support.servers.bucket_service import FailingBucket, failing_bucket
from tests.support.servers.faulty_s3 import S3Fault
from tests.support.servers.s3 import S3Server
from tests.support.uploads.fake_uploads import Lag

WHEEL, SDIST = RELEASE = (a_wheel(version="2.0"), an_sdist(version="2.0"))
OTHER = SDIST.content[:-1] + b"?"
NAMES = [one.filename for one in RELEASE]


@pytest.fixture
async def bucket(tmp_path: Path, index: FakeIndex, moto: S3Server) -> AsyncIterator[FailingBucket]:
    """Run a service that publishes from a bucket."""
    promotion = promotion_settings(index)
    async with failing_bucket(tmp_path, index, moto, promotion=promotion) as running:
        yield running


async def until_the_wheel_is_accepted(index: FakeIndex) -> None:
    """Wait until the index has accepted the first file, which it does not list."""
    while not index.uploads.history.accepted:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)


async def begun(bucket: FailingBucket) -> tuple[PromotionClient, Any]:
    """Begin to publish a release, the sdist of which waits until its wheel is listed."""
    stage = await bucket.service.staged(*RELEASE)
    bucket.service.index.uploads.lag = Lag(seconds=3600)
    client = PromotionClient(bucket.service)
    assert (await client.start(stage)).status == 202
    await until_the_wheel_is_accepted(bucket.service.index)
    return client, stage


async def over(client: PromotionClient, stage: Any) -> Any:
    """Let the index list what it has accepted, and return the promotion when it is over."""
    client.service.index.uploads.list_all()
    return await client.until_over(stage)


@pytest.mark.parametrize("fault", [S3Fault.FAILURE, S3Fault.CUT, S3Fault.DROPPED])
async def test_store_that_fails(bucket: FailingBucket, fault: S3Fault) -> None:
    """While the bucket fails, the promotion waits, says why, and goes on when it works again."""
    client, stage = await begun(bucket)
    bucket.fail(fault, "GET")
    bucket.service.index.uploads.list_all()
    while not (shown := await client.show(stage))["waits-for"]:
        pass
    bucket.recover()
    published = await client.until_over(stage)

    assert shown["waits-for"].startswith("Waiting after a failure of the server: ")
    assert (published["status"], published["reason"]) == ("published", None)
    assert bucket.service.index.uploads.history.accepted == NAMES


async def test_replaced_object(bucket: FailingBucket, moto: S3Server) -> None:
    """Bytes that were put in the place of a file after the freeze are not published."""
    client, stage = await begun(bucket)
    moto.replace(bucket.name, SDIST.sha256, OTHER)
    stopped = await over(client, stage)
    moto.replace(bucket.name, SDIST.sha256, SDIST.content)
    published = await client.publish(stage)

    assert stopped["status"] == "error"
    assert f"The stored copy of {SDIST.filename} differs" in stopped["reason"]
    assert published["status"] == "published"
    assert bucket.service.index.uploads.history.accepted == NAMES


async def test_other_bytes_on_the_way(bucket: FailingBucket) -> None:
    """Bytes that are others when they arrive are not published either."""
    client, stage = await begun(bucket)
    bucket.fail(S3Fault.OTHER, "GET", which="/kept/")
    stopped = await over(client, stage)

    assert (stopped["status"], bucket.proxy.happened[S3Fault.OTHER]) == ("error", 1)
    assert bucket.service.index.uploads.history.accepted == NAMES[:1]
