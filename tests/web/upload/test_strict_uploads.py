"""Uploads that PyPI accepts, and that `upload.strict` refuses."""

import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from tests.support.builders.archives import gzip_of
from tests.support.builders.distributions import Distribution
from tests.support.builders.hostile import HONEST_SDIST, HONEST_WHEEL, hostile_form
from tests.support.builders.hostile_tars import zeros
from tests.support.builders.hostile_zips import METADATA, ROOT, wheel
from tests.support.builders.raw_zips import Entry, deflated
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

WHEEL, SDIST = HONEST_WHEEL.filename, HONEST_SDIST.filename
ACCEPTED: Mapping[str, tuple[str, Callable[[], bytes], str]] = {
    "slack behind what is deflated": (
        WHEEL,
        lambda: wheel(
            METADATA=Entry(f"{ROOT}/METADATA", METADATA, packed=deflated(METADATA) + bytes(99))
        ),
        f"Files are packed with bytes that unpack to nothing: '{ROOT}/METADATA'.",
    ),
    "zeros behind the end of a tar": (
        SDIST,
        lambda: gzip_of(gzip.decompress(HONEST_SDIST.content)) + zeros(1024),
        "The end of the tar is followed by at least 64 MiB of zeros.",
    ),
    "a second dist-info": (
        WHEEL,
        lambda: wheel(Entry("demo-0.9.dist-info/METADATA", b"Metadata-Version: 2.1\n")),
        "The wheel has other .dist-info folders beside 'demo-1.0.dist-info'",
    ),
}


@pytest.fixture
async def strict(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Run a service that refuses suspicious files."""
    async with running_service(tmp_path / "strict", index, upload={"strict": True}) as service:
        yield service


@pytest.mark.parametrize(("filename", "build", "sentence"), ACCEPTED.values(), ids=ACCEPTED)
async def test_suspicious_file_is_staged_with_a_warning(
    service: RunningService, filename: str, build: Callable[[], bytes], sentence: str
) -> None:
    """PyPI accepts the file, so it is staged, with a warning."""
    answer = await service.post(hostile_form(Distribution(filename, build())))

    assert sentence in " ".join(answer.document["files"][filename]["notices"])


@pytest.mark.parametrize(("filename", "build", "sentence"), ACCEPTED.values(), ids=ACCEPTED)
async def test_suspicious_file_is_refused(
    strict: RunningService, filename: str, build: Callable[[], bytes], sentence: str
) -> None:
    """With `upload.strict`, a warning refuses the file."""
    answer = await strict.post(hostile_form(Distribution(filename, build())))

    assert answer.status == 400
    assert sentence in answer.body.decode()
