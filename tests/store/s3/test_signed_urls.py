"""URLs that open a stored file for anybody, for a short time."""

import asyncio
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from stageproxy.ports import BytesElsewhere
from stageproxy.store.s3.bucket import open_bucket
from tests.store.file_stores import address_of, bucket_files, store_file
from tests.support.servers.s3 import S3Server


async def signed(ministack: S3Server, folder: Path, lifetime: timedelta) -> URL:
    """Return a signed URL of a stored file."""
    address = address_of(ministack.create_bucket(), ministack.endpoint)
    files = bucket_files(open_bucket(address), folder, signed_for=lifetime)
    stored = await files.locate(await store_file(files, b"content"))
    assert isinstance(stored, BytesElsewhere)
    assert stored.sign is not None
    return URL(await stored.sign(), encoded=True)


async def status_of(url: URL) -> tuple[int, bytes]:
    """Return the status and the body of an answer."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def test_signed_url(ministack: S3Server, tmp_path: Path) -> None:
    """A signed URL opens the file, without a credential."""
    url = await signed(ministack, tmp_path, timedelta(minutes=5))

    assert await status_of(url) == (200, b"content")


@pytest.mark.parametrize("change", ["X-Amz-Signature", "X-Amz-Expires", "path"])
async def test_changed_url(ministack: S3Server, tmp_path: Path, change: str) -> None:
    """A signed URL of which anything was changed opens nothing: no other file, no longer time."""
    url = await signed(ministack, tmp_path, timedelta(minutes=5))
    changed = {
        "X-Amz-Signature": url.update_query({"X-Amz-Signature": "0" * 64}),
        "X-Amz-Expires": url.update_query({"X-Amz-Expires": "86400"}),
        "path": url.with_path(f"{url.path}x", keep_query=True),
    }

    assert (await status_of(changed[change]))[0] in {403, 404}


async def test_expired_url(ministack: S3Server, tmp_path: Path) -> None:
    """A signed URL opens nothing after its time."""
    url = await signed(ministack, tmp_path, timedelta(seconds=1))

    async with asyncio.timeout(30):
        while (await status_of(url))[0] == 200:  # noqa: ASYNC110 - another process says no
            await asyncio.sleep(0.05)

    assert (await status_of(url))[0] == 403
