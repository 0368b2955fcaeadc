"""Large pages, which are sent in pieces."""

import asyncio
import gzip
import random

import pytest

from stageproxy.web.answers.conditional import etag_of
from tests.support.builders.distributions import a_wheel
from tests.support.servers.service import PIP, RunningService, prefix_of

MIB = 2**20
FIRST = 2**14
PAGE = "simple/demo/"


async def prefix_of_large(service: RunningService, filler: str) -> str:
    """Return the stage URL of a project whose page upstream fills up."""
    service.index.add("demo", a_wheel(), extra_page_keys={"filler": filler})
    return prefix_of(await service.staged(a_wheel(version="2.0")))


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("length", [MIB, FIRST + MIB, 2 * MIB, FIRST + 2 * MIB])
async def test_whole_body(service: RunningService, length: int, more: int) -> None:
    """A page is sent whole, with its length and its ETag."""
    prefix = await prefix_of_large(service, "")
    small = len((await service.get(prefix + PAGE, PIP)).body)
    filler = "x" * (length + more - small)
    service.index.add("demo", extra_page_keys={"filler": filler})

    answer = await service.get(prefix + PAGE, PIP)

    assert len(answer.body) == length + more
    assert (answer.document["filler"], len(answer.document["files"])) == (filler, 2)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["ETag"] == etag_of(answer.body)


async def test_packed(service: RunningService) -> None:
    """A page that is large when compressed is sent whole."""
    prefix = await prefix_of_large(service, random.Random(1).randbytes(2 * MIB).hex())
    plain = await service.get(prefix + PAGE, PIP)

    answer = await service.get(prefix + PAGE, PIP, Accept_Encoding="gzip")

    assert len(answer.body) > MIB
    assert gzip.decompress(answer.body) == plain.body
    assert answer.headers["Content-Encoding"] == "gzip"


async def test_head(service: RunningService) -> None:
    """HEAD has the headers of GET, no body, and leaves the connection usable."""
    prefix = await prefix_of_large(service, "x" * 2 * MIB)

    head = await service.get(prefix + PAGE, PIP, method="HEAD")
    answer = await service.get(prefix + PAGE, PIP)

    assert (head.status, head.body) == (200, b"")
    assert {**head.headers, "Date": ""} == {**answer.headers, "Date": ""}


async def test_not_modified(service: RunningService) -> None:
    """A matching ETag brings 304 without any of the page."""
    prefix = await prefix_of_large(service, "x" * 2 * MIB)
    etag = (await service.get(prefix + PAGE, PIP)).headers["ETag"]

    answer = await service.get(prefix + PAGE, PIP, If_None_Match=etag)

    assert (answer.status, answer.body) == (304, b"")


async def test_reader_who_leaves(service: RunningService, caplog: pytest.LogCaptureFixture) -> None:
    """A client that disconnects in the middle of a page is no fault of the server."""
    prefix = await prefix_of_large(service, "x" * 32 * MIB)
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    path = prefix.removeprefix(service.url) + PAGE
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {PIP}\r\n\r\n".encode())
    await reader.readexactly(1000)
    writer.transport.abort()

    assert (await service.get(f"{prefix}simple/")).status == 200
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []
