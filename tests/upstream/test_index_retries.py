"""Requests to upstream that are repeated."""

import asyncio
import socket

import pytest

from stageproxy.core.errors import UpstreamUnavailableError
from tests.support.clients.cached_reader import CachedReader
from tests.support.index.fake_index import Quirks

DOCUMENT = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
WHOLE = DOCUMENT + b"Content-Length: 13\r\n\r\n<html></html>"
RETRIED = {
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "504": b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n",
    "a short body": DOCUMENT + b"Content-Length: 99\r\n\r\n<html>",
    "a short chunk": DOCUMENT + b"Transfer-Encoding: chunked\r\n\r\nff\r\n<html>",
}


@pytest.mark.parametrize("raw", RETRIED.values(), ids=RETRIED)
async def test_short_failure(reader: CachedReader, raw: bytes) -> None:
    """A failure that may be short is retried twice, for GET."""
    reader.index.quirks = Quirks(raw={"/simple/demo/": iter([raw, raw])})

    assert b"demo-1.0" in await reader.body()
    assert [one.method for one in reader.index.requests] == ["GET"] * 3


@pytest.mark.parametrize("raw", RETRIED.values(), ids=RETRIED)
async def test_long_failure(reader: CachedReader, raw: bytes) -> None:
    """After two retries the failure is raised to all readers."""
    reader.index.quirks = Quirks(raw={"/simple/demo/": iter([raw] * 9)})

    assert isinstance(await reader.failure(), UpstreamUnavailableError)
    assert len(reader.asked) == 3


async def test_dropped_connections(reader: CachedReader) -> None:
    """A dropped connection is opened once more by the session."""
    reader.index.quirks = Quirks(raw={"/simple/demo/": iter([b"", b"", b""])})

    assert isinstance(await reader.failure(), UpstreamUnavailableError)
    assert len(reader.asked) == 2


async def test_upstream_that_starts(reader: CachedReader) -> None:
    """A refused connection is retried a moment later."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        reader.read_from(f"http://127.0.0.1:{bound.getsockname()[1]}")
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(reader.body())
            await asyncio.sleep(0.02)
            group.create_task(answer_once(bound, WHOLE))

    assert asking.result() == b"<html></html>"


async def test_upstream_that_does_not_start(reader: CachedReader) -> None:
    """Connections that are always refused are a failure."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        reader.read_from(f"http://127.0.0.1:{bound.getsockname()[1]}")

        assert isinstance(await reader.failure(), UpstreamUnavailableError)


async def answer_once(bound: socket.socket, raw: bytes) -> None:
    """Start to listen, and answer one request."""
    answered = asyncio.Event()

    async def answer(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        await reading.readuntil(b"\r\n\r\n")
        writing.write(raw)
        writing.close()
        await writing.wait_closed()
        answered.set()

    async with await asyncio.start_server(answer, sock=bound):
        await answered.wait()


NOT_RETRIED = {
    "400": Quirks(status=400),
    "429": Quirks(status=429),
    "500": Quirks(status=500),
    "404": Quirks(status=404),
    "silence": Quirks(delay=60),
    "nonsense": Quirks(extra_headers={"Content-Encoding": "br"}),
}


@pytest.mark.parametrize("quirks", NOT_RETRIED.values(), ids=NOT_RETRIED)
async def test_failures_that_are_not_retried(reader: CachedReader, quirks: Quirks) -> None:
    """Permanent failures, and answers with Retry-After, are not retried."""
    reader.index.quirks = quirks

    await reader.failure()

    assert len(reader.asked) == 1
