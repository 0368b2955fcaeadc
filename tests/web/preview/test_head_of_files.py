"""HEAD of files that are upstream's: the headers, without a download."""

from urllib.parse import urlsplit

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import Quirks
from tests.support.servers.service import PIP, RunningService

OTHER = a_wheel("other")
SAME = ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Cache-Control")


@pytest.fixture
def file(service: RunningService, prefix: str) -> str:
    """Return the URL below the stage of a file that is upstream's."""
    digest = OTHER.blake2b_256
    folder = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    assert service.index.projects.find("other")
    return f"{prefix}packages/{folder}/{OTHER.filename}"


def methods(service: RunningService) -> list[str]:
    """Return the methods of the requests that upstream received."""
    return [one.method for one in service.index.requests]


@pytest.mark.parametrize("end", ["", ".metadata"])
async def test_head_is_passed_on(service: RunningService, file: str, end: str) -> None:
    """HEAD of a file is HEAD upstream: its headers are those of GET, and nothing is downloaded."""
    got = await service.get(file + end)
    service.index.requests.clear()

    head = await service.get(file + end, method="HEAD")

    assert (got.status, head.status, head.body) == (200, 200, b"")
    assert methods(service) == ["HEAD"]
    assert {name: head.headers.get(name) for name in SAME} == {
        name: got.headers.get(name) for name in SAME
    }


@pytest.mark.parametrize("status", [403, 405, 500, 501])
async def test_server_without_head(service: RunningService, file: str, status: int) -> None:
    """If upstream does not answer HEAD, it is asked by GET; the body is not passed on."""
    service.index.quirks = Quirks(head_status=status)

    head = await service.get(file, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(OTHER.content))
    assert methods(service) == ["HEAD", "GET"]


async def test_missing_file(service: RunningService, file: str) -> None:
    """HEAD and GET of a file that is missing have the same status and length."""
    missing = file.replace("other-1.0", "other-9.0")

    got = await service.get(missing)
    head = await service.get(missing, method="HEAD")

    assert (head.status, head.body) == (got.status, b"") == (404, b"")
    assert head.headers["ETag"] == got.headers["ETag"]


@pytest.mark.parametrize("path", ["simple/other/", "pypi/other/json", "project/other/"])
async def test_pages_are_requested_by_get(service: RunningService, prefix: str, path: str) -> None:
    """HEAD of a page is GET upstream: some mirrors have other headers for HEAD."""
    head = await service.get(prefix + path, PIP, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert methods(service) == ["GET"]


async def test_range_is_of_get(service: RunningService, file: str) -> None:
    """A part of upstream's file is requested by GET, with If-Range."""
    got = await service.get(file, Range="bytes=0-3", If_Range='"x"')

    [asked] = service.index.requests
    assert (got.status, asked.method) == (206, "GET")
    assert (asked.headers["Range"], asked.headers["If-Range"]) == ("bytes=0-3", '"x"')
    assert urlsplit(file).path.endswith(asked.path.rpartition("/")[2])
