"""Downloads while the bucket fails: never other bytes as a whole file, and pages go on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.bucket_service import FailingBucket, failing_bucket
from tests.support.servers.faulty_s3 import S3Fault
from tests.support.servers.s3 import S3Server
from tests.support.servers.service import JSON_PAGE

WHEEL = a_wheel(version="2.0")
LARGE = a_wheel(version="2.0", extra={"demo/weights": Random(1).randbytes(5 * 2**20)})
"""Read in three requests."""

REFUSALS = {
    S3Fault.FAILURE: "it answered with status 500",
    S3Fault.TOO_BUSY: "it answered with status 503",
    S3Fault.DROPPED: "it did not answer in time",
    S3Fault.UNANSWERED: "it did not answer in time",
    S3Fault.LATE_ANSWER: "it did not answer in time",
    S3Fault.CUT: "it did not answer in time",
    S3Fault.FORBIDDEN: "it refuses the server's access key",
    S3Fault.OTHER: "it sent other bytes of a file than were stored",
}
OUTLASTED = [S3Fault.FAILURE, S3Fault.DROPPED, S3Fault.UNANSWERED, S3Fault.CUT, S3Fault.SLOW]


@dataclass(frozen=True, slots=True)
class Preview:
    """A stage whose file is in a bucket that may fail."""

    bucket: FailingBucket
    stage: Any

    @property
    def link(self) -> str:
        """Return the URL of the file."""
        [file] = self.stage["files"].values()
        return str(file["link"])

    @property
    def page(self) -> str:
        """Return the URL of the project page."""
        return str(URL(self.stage["links"]["stage"]) / "simple/demo/")

    def fail(self, fault: S3Fault, *, times: int | None = None) -> None:
        """Do something wrong to requests that read the file."""
        self.bucket.fail(fault, "GET", which="/kept/", times=times)


@pytest.fixture
async def preview(
    tmp_path: Path, index: FakeIndex, moto: S3Server, request: pytest.FixtureRequest
) -> AsyncIterator[Preview]:
    """Stage a wheel, by default the small one, in a bucket that works."""
    file: Distribution = getattr(request, "param", WHEEL)
    async with failing_bucket(tmp_path, index, moto) as bucket:
        yield Preview(bucket, await bucket.service.staged(file))


large = pytest.mark.parametrize("preview", [LARGE], ids=["large"], indirect=True)


@pytest.mark.parametrize(("fault", "reason"), REFUSALS.items())
async def test_file(preview: Preview, fault: S3Fault, reason: str) -> None:
    """A file that cannot be read is answered with 503 and the reason, and later with its bytes."""
    preview.fail(fault)
    refused = await preview.bucket.service.get(preview.link)
    preview.bucket.recover()
    again = await preview.bucket.service.get(preview.link)

    assert (refused.status, reason in refused.text) == (503, True)
    assert (again.status, again.body) == (200, WHEEL.content)


@pytest.mark.parametrize("fault", OUTLASTED)
@large
async def test_failure_that_passes(preview: Preview, fault: S3Fault) -> None:
    """A single failure is outlasted: the whole file arrives."""
    preview.fail(fault, times=1)
    answer = await preview.bucket.service.get(preview.link)

    assert preview.bucket.proxy.happened == {fault: 1}
    assert (answer.status, answer.body) == (200, LARGE.content)


@pytest.mark.parametrize("fault", [S3Fault.FAILURE, S3Fault.FORBIDDEN, S3Fault.OTHER])
@large
async def test_large_file_that_is_cut(preview: Preview, fault: S3Fault) -> None:
    """A file whose end fails, or is another one, never looks complete to a client."""
    last = f"bytes={4 * 2**20}-"
    preview.fail(fault)
    preview.bucket.proxy.affected = lambda one: one.headers.get("Range", "").startswith(last)

    with pytest.raises(aiohttp.ClientPayloadError):
        await preview.bucket.service.get(preview.link)

    assert preview.bucket.proxy.happened[fault]


@pytest.mark.parametrize("fault", [S3Fault.FAILURE, S3Fault.FORBIDDEN])
async def test_part_of_a_file(preview: Preview, fault: S3Fault) -> None:
    """A part that cannot be read is answered with 503."""
    preview.fail(fault)
    refused = await preview.bucket.service.get(preview.link, Range="bytes=2-5")
    preview.bucket.recover()
    part = await preview.bucket.service.get(preview.link, Range="bytes=2-5")

    assert (refused.status, part.status, part.body) == (503, 206, WHEEL.content[2:6])


@pytest.mark.parametrize("fault", [S3Fault.FAILURE, S3Fault.FORBIDDEN, S3Fault.DROPPED])
async def test_pages(preview: Preview, fault: S3Fault) -> None:
    """Pages need no bucket: they are shown, with the files that it does not give out."""
    preview.bucket.fail(fault, "GET")
    page = await preview.bucket.service.get(preview.page, JSON_PAGE)
    stage = await preview.bucket.service.get(preview.stage["links"]["stage"])
    file = await preview.bucket.service.get(preview.link)

    assert [one["filename"] for one in page.document["files"]] == [WHEEL.filename]
    assert (stage.status, WHEEL.filename in stage.text) == (200, True)
    assert file.status == 503
