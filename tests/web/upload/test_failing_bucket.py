"""Uploads while the bucket fails: a clear answer, nothing staged, and a later upload succeeds."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.clients.pep694 import Pep694Client
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.bucket_service import FailingBucket, failing_bucket
from tests.support.servers.faulty_s3 import S3Fault
from tests.support.servers.s3 import S3Server
from tests.support.servers.service import RunningService

SMALL = a_wheel(version="2.0")
LARGE = a_wheel(version="2.0", extra={"demo/weights": Random(1).randbytes(9 * 2**20)})
"""Sent in two parts."""

REFUSALS = {
    S3Fault.FAILURE: "it answered with status 500",
    S3Fault.TOO_BUSY: "it answered with status 503",
    S3Fault.DROPPED: "it did not answer in time",
    S3Fault.LATE_REQUEST: "it did not answer in time",
    S3Fault.LATE_ANSWER: "it did not answer in time",
    S3Fault.FORBIDDEN: "it refuses the server's access key",
    S3Fault.EXISTS: "it does not have what it has just stored",
}
"""What is said if every put fails in a way. After a late answer, the object is there."""

PASSING = [S3Fault.FAILURE, S3Fault.TOO_BUSY, S3Fault.DROPPED, S3Fault.UNANSWERED]
"""What a put outlasts: it is sent again."""


@pytest.fixture
async def bucket(tmp_path: Path, index: FakeIndex, moto: S3Server) -> AsyncIterator[FailingBucket]:
    """Run a service over a bucket that works."""
    async with failing_bucket(tmp_path, index, moto) as running:
        yield running


async def staged_in(service: RunningService) -> dict[str, str]:
    """Return the digests of all staged files, by filename."""
    stages = (await service.api("GET", "stages")).document["stages"]
    return {
        name: file["hashes"]["sha256"] for stage in stages for name, file in stage["files"].items()
    }


async def downloaded(service: RunningService, stage: Any, file: Distribution) -> bytes:
    """Return the bytes of a staged file."""
    return (await service.get(stage["files"][file.filename]["link"])).body


@pytest.mark.parametrize(("fault", "reason"), REFUSALS.items())
async def test_small_file(bucket: FailingBucket, fault: S3Fault, reason: str) -> None:
    """Each failure of a put is answered with 503 and the reason; nothing of the file is staged."""
    bucket.fail(fault, "PUT", which="/kept/")
    refused = await bucket.service.upload(SMALL)
    staged = await staged_in(bucket.service)
    bucket.recover()
    stage = await bucket.service.staged(SMALL)

    assert (refused.status, reason in refused.text, staged) == (503, True, {})
    assert await downloaded(bucket.service, stage, SMALL) == SMALL.content


@pytest.mark.parametrize("fault", PASSING)
async def test_failure_that_passes(bucket: FailingBucket, fault: S3Fault) -> None:
    """A single failure is outlasted, and so is a lost answer to a put that was done."""
    bucket.fail(fault, "PUT", which="/kept/", times=1)
    stage = await bucket.service.staged(SMALL)

    assert bucket.proxy.happened == {fault: 1}
    assert await downloaded(bucket.service, stage, SMALL) == SMALL.content


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("fault", [S3Fault.FAILURE, S3Fault.LATE_ANSWER, S3Fault.FORBIDDEN])
async def test_large_file(bucket: FailingBucket, fault: S3Fault, method: str) -> None:
    """It is the same with a file in parts, whether a part fails, or its beginning or its end."""
    bucket.fail(fault, method, which="/kept/")
    refused = await bucket.service.upload(LARGE)
    staged = await staged_in(bucket.service)
    bucket.recover()
    stage = await bucket.service.staged(LARGE)

    assert (refused.status, REFUSALS[fault] in refused.text, staged) == (503, True, {})
    assert await downloaded(bucket.service, stage, LARGE) == LARGE.content


async def test_unanswered_end_of_a_large_file(bucket: FailingBucket) -> None:
    """A file in parts that is complete though the answer was late is staged by the next upload."""
    bucket.fail(S3Fault.LATE_ANSWER, "POST", which="uploadId")
    refused = await bucket.service.upload(LARGE)
    bucket.recover()
    stage = await bucket.service.staged(LARGE)

    assert refused.status == 503
    assert await downloaded(bucket.service, stage, LARGE) == LARGE.content


async def test_nothing_is_left_in_the_spool(bucket: FailingBucket) -> None:
    """A failed upload leaves nothing on the disk of the server."""
    bucket.fail(S3Fault.FAILURE, "PUT", which="/kept/")
    await bucket.service.upload(SMALL)

    assert [*(bucket.service.data / "files" / "incoming").iterdir()] == []


async def test_bytes_of_a_file_upload(bucket: FailingBucket) -> None:
    """Bytes of PEP 694 that could not be stored can be sent again, to the same file upload."""
    client = Pep694Client(bucket.service)
    upload = (await client.announce(await client.session(), SMALL)).document
    bucket.fail(S3Fault.FAILURE, "PUT", which="/kept/")
    refused = await client.send(upload, SMALL.content)
    bucket.recover()
    again = await client.send(upload, SMALL.content)
    completed = await client.complete(upload)

    assert (refused.status, again.status, completed.status) == (503, 201, 201)
    assert await staged_in(bucket.service) == {SMALL.filename: SMALL.sha256}


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_completion(bucket: FailingBucket, method: str) -> None:
    """A file upload whose completion meets a failure of the bucket can be completed later."""
    client = Pep694Client(bucket.service)
    upload = await client.sent(await client.session(), SMALL)
    bucket.fail(S3Fault.FAILURE, method, which="kept")
    refused = await client.complete(upload)
    bucket.recover()
    completed = await client.complete(upload)

    assert (refused.status, completed.status) == (503, 201)
    assert await staged_in(bucket.service) == {SMALL.filename: SMALL.sha256}


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_bytes_that_cannot_be_deleted(bucket: FailingBucket, method: str) -> None:
    """A file upload is deleted even if its bytes cannot be: a sweep does that later.

    Once it was deleted, and the answer was 503.
    """
    client = Pep694Client(bucket.service)
    upload = await client.sent(await client.session(), SMALL)
    bucket.fail(S3Fault.FORBIDDEN, method)
    deleted = await client.ask("DELETE", upload["links"]["file-upload-session"])
    bucket.recover()
    shown = await client.ask("GET", upload["links"]["file-upload-session"])

    assert (deleted.status, shown.document["status"]) == (204, "canceled")
