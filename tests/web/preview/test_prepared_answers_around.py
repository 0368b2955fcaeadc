"""What is around answers that were given before: the log, the metrics, memory, slow clients."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.builders.distributions import a_wheel
from tests.support.clients.preview_reader import PreviewReader
from tests.support.clients.slow_clients import connected, hung_up
from tests.support.clients.wire import a_request, exchange
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import PIP, RunningService, prefix_of, running_service
from tests.support.stored_files import stored_file
from tests.web.preview.prepared import reading

MIB = 2**20
REQUESTS = "stageproxy.requests"
STALL = timedelta(seconds=0.4)
DOCUMENTS = ("page", "only", "wheel", "metadata", "stage")


@pytest.fixture
async def reader(tmp_path: Path, index: FakeIndex) -> AsyncIterator[PreviewReader]:
    """Return a reader of a stage whose upstream is asked once a minute."""
    async with reading(tmp_path, index) as running:
        running.documents = DOCUMENTS
        yield running


@pytest.mark.parametrize("size", [0, MIB], ids=["small", "large"])
async def test_a_line_for_each(
    reader: PreviewReader, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    """Each request has its line in the access log, the last like the first, without the token."""
    reader.service.index.add("demo", extra_page_keys={"_filler": "x" * size})
    await reader.read("page", Cache_Control="no-cache")
    # The line of the request before is written by the time of the next one.
    await reader.service.get("/health/live")
    caplog.set_level(logging.INFO, REQUESTS)
    for _ in range(20):
        await reader.read("page")

    async with asyncio.timeout(30):
        while len(lines := list(lines_of(caplog))) < 20:  # noqa: ASYNC110 - lines may be gathered
            await asyncio.sleep(0.01)

    [(line, sent)] = {(" ".join(line.split()[:4]), line.split()[4]) for line in lines}
    assert line == "127.0.0.1 GET /tmp/demo/***/simple/demo/ 200"
    assert int(sent) > size + 1000
    assert reader.token not in caplog.text


@pytest.mark.parametrize("document", ["page", "wheel"])
async def test_request_ids(
    reader: PreviewReader, caplog: pytest.LogCaptureFixture, document: str
) -> None:
    """Each line of the access log has the id of its request, whichever way it was answered."""
    await reader.read(document)
    # The line of the request before is written by the time of the next one.
    await reader.service.get("/health/live")
    caplog.set_level(logging.INFO, REQUESTS)
    request = a_request(reader.path_of(document), "GET", "1.1", f"Accept: {PIP}")
    kept_open = request.replace(b"Connection: close\r\n", b"")

    # The first ones arrive together: they are not answered at once.
    await exchange(reader.service.url, kept_open * 5 + request)

    async with asyncio.timeout(30):
        while len([*lines_of(caplog)]) < 6:  # noqa: ASYNC110 - the last line may be written later
            await asyncio.sleep(0.01)
    ids = [vars(one)["request_id"] for one in caplog.records if "/tmp/" in one.getMessage()]
    assert (len(set(ids)), "" in ids) == (6, False)


def lines_of(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """Return the lines of the access log about previews."""
    for record in caplog.records:
        if record.name == REQUESTS and "/tmp/" in record.getMessage():
            yield record.getMessage()


async def counted(service: RunningService, name: str) -> Mapping[tuple[str, str], float]:
    """Return the values of a metric of previews, by method and status."""
    text = (await service.get("/metrics")).text
    return {
        (one.labels.get("method", ""), one.labels.get("status", "")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == name and one.labels["handler"] == "preview"
    }


async def test_each_is_counted(reader: PreviewReader) -> None:
    """The metrics count each request by its method and status, the last like the first."""
    for _ in range(10):
        page = await reader.read("page")
        reader.etags["page"] = page.headers["ETag"]
        for form in ("gzip", "known", "head"):
            await reader.read("page", form)

    requests = await counted(reader.service, "stageproxy_requests_total")
    seconds = await counted(reader.service, "stageproxy_request_seconds_count")

    assert requests == {("GET", "200"): 20, ("GET", "304"): 10, ("HEAD", "200"): 10}
    assert seconds == {("", ""): 40}


async def test_no_token_in_memory_is_shown(reader: PreviewReader) -> None:
    """No object of ours shows the token of a stage URL, and none is found by it."""
    await reader.warm()

    ours = [one for one in gc.get_objects() if str(type(one).__module__).startswith("stageproxy.")]
    mappings = [one for one in gc.get_referents(*ours) if isinstance(one, dict)]
    keys = [key for one in mappings for key in list(one)]

    assert [type(one) for one in ours if reader.token in repr(one)] == []
    assert [key for key in keys if reader.token in repr(key)] == []


async def test_bounded_memory(tmp_path: Path, index: FakeIndex) -> None:
    """However many different requests clients send, what is kept for them has a bound."""
    async with reading(tmp_path, index, cache_size=64 * 1024) as reader:
        sizes = set()
        for number in range(40):
            await reader.read("page", If_None_Match=f'"{number}"')
            await reader.read("page", Accept_Encoding=f"gzip;q=0.{number}")
            await reader.read("page", Accept=f"text/x{number}, {PIP}")
            sizes.add(reader.service.parts.prepared.size)

    assert 0 < max(sizes) <= 64 * 1024


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("document", ["simple/demo/", "{wheel}"], ids=["page", "wheel"])
async def test_slow_reader(tmp_path: Path, index: FakeIndex, document: str, encoding: str) -> None:
    """A client that reads nothing of a large answer is dropped, also if it was given before."""
    noise = Random(0).randbytes(4 * MIB)
    index.add("demo", a_wheel(version="1.0"), extra_page_keys={"_filler": noise[:MIB].hex()})
    server = {"port": 0, "send_timeout": STALL}
    async with running_service(
        tmp_path / "data", index, server=server, upstream={"fresh_for": 60}
    ) as service:
        wheel = a_wheel(version="2.0", extra={"demo/large": noise})
        stage = await service.staged(wheel)
        link = stage["files"][wheel.filename]["link"].removeprefix(prefix_of(stage))
        path = urlsplit(prefix_of(stage)).path + document.format(wheel=link)
        whole = [await service.get(path, PIP, Accept_Encoding=encoding) for _ in range(3)][-1]
        headers = (f"Accept: {PIP}", f"Accept-Encoding: {encoding}")
        request = a_request(path, "GET", "1.1", *headers).replace(b"Connection: close\r\n", b"")

        with connected(service.url) as client:
            client.send(request)
            assert await hung_up([client], 30) == {client}

        again = await service.get(path, PIP, Accept_Encoding=encoding)
        assert (len(whole.body) > MIB, again.body) == (True, whole.body)


@pytest.mark.parametrize("content", [None, b"short"], ids=["missing", "short"])
async def test_damaged_large_file(reader: PreviewReader, content: bytes | None) -> None:
    """A large file that was served before and is damaged now is not served."""
    service = reader.service
    wheel = a_wheel(version="2.0", extra={"large": Random(0).randbytes(2 * MIB)})
    stage = await service.staged(wheel)
    path = urlsplit(stage["files"][wheel.filename]["link"]).path
    before = [(await service.get(path)).body for _ in range(3)]
    stored = stored_file(service.data, wheel.sha256)
    stored.unlink()
    if content is not None:
        stored.write_bytes(content)

    damaged = await service.get(path)

    await service.upload(wheel)
    assert (before, damaged.status) == ([wheel.content] * 3, 500)
    assert (await service.get(path)).body == wheel.content


@pytest.mark.parametrize("reads", [0, 2], ids=["first", "again"])
async def test_file_that_becomes_shorter_while_it_is_sent(
    reader: PreviewReader, reads: int
) -> None:
    """The connection ends with what there is of the file: no other answer takes its place."""
    service = reader.service
    wheel = a_wheel(version="2.0", extra={"large": Random(0).randbytes(16 * MIB)})
    stage = await service.staged(wheel)
    path = urlsplit(stage["files"][wheel.filename]["link"]).path
    for _ in range(reads):
        await service.get(path)
    stored = stored_file(service.data, wheel.sha256)
    loop = asyncio.get_running_loop()

    with connected(service.url) as client:
        await loop.sock_sendall(client, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        received = await loop.sock_recv(client, 1024)
        stored.chmod(0o600)
        os.truncate(stored, 12 * MIB)
        await loop.sock_sendall(client, a_request("/health/live"))
        received += await read_to_end(client)

    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(wheel.content) in head
    assert wheel.content.startswith(body)


async def read_to_end(client: socket.socket) -> bytes:
    """Return everything that a server sends until the connection ends."""
    received = bytearray()
    with suppress(ConnectionError):
        while piece := await asyncio.get_running_loop().sock_recv(client, MIB):
            received += piece
    return bytes(received)
