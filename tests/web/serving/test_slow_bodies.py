"""Bodies that arrive slowly: shed with 408, without anything left behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from stageproxy.core.pace import PaceLimits
from stageproxy.web.guard import guard
from stageproxy.web.keys import METRICS
from stageproxy.web.metrics import Metrics
from stageproxy.web.serving.runner import runner_for
from tests.support.builders.distributions import a_wheel
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.clients.pep694 import Pep694Client
from tests.support.clients.wire import a_request, body_in, exchange, status_of
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.runner import running
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
STALL = timedelta(seconds=0.2)
LONG = "Content-Length: 100000"
CHUNKED = "Transfer-Encoding: chunked"
FORM_BYTES = body_of(twine_form(WHEEL))


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service with a short timeout for stalled bodies."""
    upload = {"stall_timeout": STALL}
    async with running_service(tmp_path / "data", index, upload=upload) as running:
        yield running


def legacy_head(service: RunningService, *headers: str) -> bytes:
    """Return the head of a legacy upload."""
    bearer = f"Authorization: Bearer {service.admin}"
    return a_request("/legacy/", "POST", "1.1", bearer, f"Content-Type: {FORM}", *headers)


def left_over(service: RunningService) -> list[Path]:
    """Return the files that the server keeps on its disk."""
    return [one for one in (service.data / "files").rglob("*") if one.is_file()]


MIDDLE = FORM_BYTES.index(WHEEL.content) + 10
FORMS = {
    "nothing at all": (LONG, b""),
    "a preamble": (LONG, b"hello\r\n"),
    "a part's headers": (LONG, FORM_BYTES[:60]),
    "a field": (LONG, FORM_BYTES[:200]),
    "the file": (LONG, FORM_BYTES[:MIDDLE]),
    "all but the last line": (f"Content-Length: {len(FORM_BYTES)}", FORM_BYTES[:-2]),
    "no chunk": (CHUNKED, b""),
    "the size of a chunk": (CHUNKED, b"ff"),
    "a chunk": (CHUNKED, b"ff\r\n--"),
    "chunks without an end": (CHUNKED, b"%x\r\n%s\r\n" % (MIDDLE, FORM_BYTES[:MIDDLE])),
    "a body that waits for 100": (LONG + "\r\nExpect: 100-continue", b""),
}


@pytest.mark.parametrize(("header", "start"), FORMS.values(), ids=FORMS)
async def test_stalled_form(service: RunningService, header: str, start: bytes) -> None:
    """A form that stops anywhere gets a 408 with its reason, and leaves nothing behind."""
    answer = await exchange(service.url, legacy_head(service, header) + start)

    head = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert status_of(head) == 408
    assert b"408 The request body is too slow: nothing arrived for 0.2 seconds." in head
    assert body_in(head).startswith(b"The request body is too slow: nothing arrived")
    assert b"\r\nConnection: close\r\n" in head
    assert left_over(service) == []
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_stalled_file_of_an_upload_session(service: RunningService) -> None:
    """The bytes of PEP 694 that stop get a problem; the upload stays as it was announced."""
    client = Pep694Client(service)
    announced = await client.announce(await client.session(), WHEEL)
    path = urlsplit(announced.document["mechanism"]["file_url"]).path
    bearer = f"Authorization: Bearer {service.admin}"
    kind = "Content-Type: application/octet-stream"

    answer = await exchange(service.url, a_request(path, "POST", "1.1", bearer, kind, LONG) + b"PK")

    problem = json.loads(body_in(answer))
    shown = await client.ask("GET", announced.document["links"]["file-upload-session"])
    assert (status_of(answer), problem["status"]) == (408, 408)
    assert problem["detail"].startswith("The request body is too slow: nothing arrived")
    assert shown.document["status"] == "pending"
    assert left_over(service) == []


@pytest.mark.parametrize("path", ["/upload/2.0/", "/api/stages", "/api/tokens", "/api/check"])
async def test_stalled_document(service: RunningService, path: str) -> None:
    """A JSON body that stops gets a problem document."""
    bearer = f"Authorization: Bearer {service.admin}"
    kind = "Content-Type: application/vnd.pypi.upload.v2+json"

    answer = await exchange(
        service.url, a_request(path, "POST", "1.1", bearer, kind, LONG) + b'{"name":'
    )

    assert status_of(answer) == 408
    assert json.loads(body_in(answer))["title"] == "Request Timeout"


async def test_many_stalled_bodies(service: RunningService) -> None:
    """All of many stalled bodies are shed, and no task and no file stays behind."""
    tasks = asyncio.all_tasks()
    request = legacy_head(service, LONG) + FORM_BYTES[:MIDDLE]

    answers = await asyncio.gather(*(exchange(service.url, request) for _ in range(40)))

    assert [status_of(one) for one in answers] == [408] * 40
    assert left_over(service) == []
    if left := asyncio.all_tasks() - tasks:
        _, left = await asyncio.wait(left, timeout=10)
    assert left == set()


async def test_shed_body_is_no_refusal(service: RunningService) -> None:
    """A body that did not arrive is not a refusal in the audit trail, and no bug in the log."""
    opened = await service.open_stage()
    path = f"/tmp/demo/{opened['session-token']}/legacy/"
    bearer = f"Authorization: Bearer {service.admin}"

    answer = await exchange(
        service.url, a_request(path, "POST", "1.1", bearer, f"Content-Type: {FORM}", LONG)
    )

    audit = await service.api("GET", f"stages/{opened['id']}/audit")
    assert status_of(answer) == 408
    assert "refused" not in audit.text


async def test_rest_of_a_refused_body(service: RunningService) -> None:
    """A body that is refused early is not waited for without limit: the connection is closed."""
    head = a_request("/legacy/", "POST", "1.1", f"Content-Type: {FORM}", LONG)

    answer = await exchange(service.url, head + FORM_BYTES[:100], wait=10 * STALL.total_seconds())

    assert status_of(answer) == 401


async def test_slow_body_behind_another_request(service: RunningService) -> None:
    """A body that stalls while an earlier request is answered is shed as well."""
    first = a_request("/health/live").replace(b"Connection: close\r\n", b"")

    answer = await exchange(service.url, first + legacy_head(service, LONG) + FORM_BYTES[:100])

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"HTTP/1.1 408 The request body is too slow" in answer


async def take(request: web.Request) -> web.Response:
    """Answer with the length of the body."""
    return web.Response(text=str(len(await request.read())))


@asynccontextmanager
async def taking(limits: PaceLimits) -> AsyncIterator[str]:
    """Serve a handler that reads a whole body, and return its URL."""
    app = web.Application(middlewares=[guard])
    app[METRICS] = Metrics()
    app.router.add_post("/take", take)
    async with running(runner_for(app, body_limits=limits)) as url:
        yield url


async def drip(url: str, header: str, pieces: Sequence[bytes], every: float) -> bytes:
    """Return the answer to a body that is sent piece by piece."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    with closing(writer):
        writer.write(a_request("/take", "POST", "1.1", header))
        answer = asyncio.ensure_future(read_all(reader))
        for piece in pieces:
            await asyncio.wait([answer], timeout=every)
            if answer.done():
                break
            writer.write(piece)
        return await answer


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Return what arrives until the connection ends, which may be by a reset."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := await reader.read(2**16):
            received += chunk
    return received


DRIPS = {
    "bytes": (LONG, [b"x"] * 1000),
    "chunks": (CHUNKED, [b"1\r\nx\r\n"] * 1000),
    "extensions of a chunk": (CHUNKED, [b"1;", *([b"xxxx" * 500] * 1000)]),
}


@pytest.mark.parametrize(("header", "pieces"), DRIPS.values(), ids=DRIPS)
async def test_dripping_body(header: str, pieces: list[bytes]) -> None:
    """A body that never stops, but is slower than the minimum, is shed as well."""
    limits = PaceLimits(timedelta(seconds=0.3), 1000, period=timedelta(seconds=0.3))

    async with taking(limits) as url:
        answer = await drip(url, header, pieces, every=0.02)

    assert status_of(answer) == 408
