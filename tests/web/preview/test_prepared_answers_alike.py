"""The first answer to a request and every later one are the same, byte for byte.

Before a first answer something else changes in the database, so that nothing that
was kept can be used for it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.batteries.raw_requests import TOKEN, raw_requests
from tests.support.clients.preview_reader import BROWSER, DOCUMENTS, PreviewReader
from tests.support.index.fake_index import FakeIndex, Quirks
from tests.support.servers.service import HTML_PAGE, JSON_PAGE, PIP, UV
from tests.web.preview.prepared import reading

OF_ONE_ANSWER = re.compile(rb"\r\n(Date|X-Request-ID|Age): [^\r]*")
NEXT = b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""The request that follows on the connection: its answer shows where the one before ends."""
ETAG = "{etag}"
LONG = ", ".join(f"text/x{number};q=0.1" for number in range(1500))

HEADERS: dict[str, tuple[str, ...]] = {
    "none": (),
    "Accept of pip": (f"Accept: {PIP}",),
    "Accept of uv": (f"Accept: {UV}",),
    "Accept of a browser": (f"Accept: {BROWSER}",),
    "Accept of anything": ("Accept: */*",),
    "Accept of HTML": (f"Accept: {HTML_PAGE}",),
    "Accept of no JSON": (f"Accept: {JSON_PAGE};q=0, text/html",),
    "Accept of nothing that there is": ("Accept: image/png",),
    "empty Accept": ("Accept:",),
    "Accept in capitals": (f"ACCEPT: {JSON_PAGE.upper()}",),
    "Accept twice": ("Accept: text/html;q=0.1", f"accept: {JSON_PAGE}"),
    "Accept that is long": (f"Accept: {LONG}, {JSON_PAGE}",),
    "Accept with spaces": (f"Accept:   {JSON_PAGE} \t",),
    "Accept with odd bytes": ("Accept: text/html, \xe9\xff",),
    "gzip": ("Accept-Encoding: gzip",),
    "gzip among others": (f"Accept: {PIP}", "Accept-Encoding: br, deflate, gzip;q=0.5"),
    "gzip in capitals": ("Accept-Encoding: GZIP",),
    "gzip of old": ("Accept-Encoding: x-gzip",),
    "no gzip": (f"Accept: {PIP}", "Accept-Encoding: gzip;q=0"),
    "no gzip, with a space": ("Accept-Encoding: gzip; q=0.000",),
    "any encoding": ("Accept-Encoding: *",),
    "encodings twice": ("Accept-Encoding: identity", "Accept-Encoding: gzip"),
    "known": (f"If-None-Match: {ETAG}",),
    "known, weak": (f"If-None-Match: W/{ETAG}",),
    "known, in a list": (f'If-None-Match: "x", {ETAG} , W/"y"',),
    "known, in a second line": ('If-None-Match: "x"', f"If-None-Match: {ETAG}"),
    "known, of another encoding": (f"If-None-Match: {ETAG}", "Accept-Encoding: gzip"),
    "known, whatever it is": ("If-None-Match: *",),
    "known, without quotes": ("If-None-Match: x",),
    "only if it is": (f"If-Match: {ETAG}",),
    "only if it is another": ('If-Match: "x"',),
    "modified since": ("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",),
    "unmodified since": ("If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT",),
    "no-cache": ("Cache-Control: no-cache",),
    "max-age=0": ("Cache-Control: private, max-age=0",),
    "no-store": ("Cache-Control: no-store",),
    "only-if-cached": ("Cache-Control: only-if-cached",),
    "Cache-Control twice": ("Cache-Control: max-age=60", "Cache-Control: No-Cache"),
    "Pragma": ("Pragma: no-cache",),
    "a range": ("Range: bytes=0-9",),
    "a range beyond the end": ("Range: bytes=99999999-",),
    "two ranges": ("Range: bytes=0-1,3-4",),
    "two lines with ranges": ("Range: bytes=0-1", "Range: bytes=3-4"),
    "a range of the same": ("Range: bytes=0-9", f"If-Range: {ETAG}"),
    "a range of another": ("Range: bytes=0-9", 'If-Range: "x"'),
    "a credential": ("Authorization: Bearer {admin}",),
    "a credential for Basic": ("Authorization: Basic AAAA",),
    "a cookie": ("Cookie: a=b",),
    "an origin": ("Origin: https://other.example",),
    "an id": ("X-Request-ID: given-by-a-client",),
    "an address": ("X-Forwarded-For: 192.0.2.7",),
    "an expectation": ("Expect: 100-continue",),
    "an unknown expectation": ("Expect: more",),
    "an empty body": ("Content-Length: 0",),
    "an upgrade": ("Connection: Upgrade", "Upgrade: h2c"),
    "keep-alive": ("Connection: keep-alive",),
    "close": ("Connection: close",),
    "close among others": ("Connection: x, Close",),
    "trailers": ("TE: trailers",),
    "many headers": tuple(f"X-{number}: a" for number in range(60)),
}
TARGETS = {
    "as it is": "{}",
    "a query": "{}?x=1",
    "an empty query": "{}?",
    "a type in the query": "{}?format=application/vnd.pypi.simple.v1%2Bhtml",
    "an unknown type in the query": "{}?format=x",
    "an escape": "{escaped}",
    "a slash more": "{}/",
    "a slash less": "{less}",
    "two slashes": "/{}",
    "a whole URL": "http://x{}",
    "a fragment": "{}#x",
    "dots": "/tmp/..{}",
    "capitals": "{capitals}",
}
METHODS = ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "BREW"]
READ = ["page", "wheel", "stage"]


@pytest.fixture
async def reader(tmp_path: Path, index: FakeIndex, database: str) -> AsyncIterator[PreviewReader]:
    """Return a reader of a stage whose upstream is asked once a minute."""
    async with reading(tmp_path, index, database=database) as running:
        await running.warm()
        yield running


async def send(reader: PreviewReader, data: bytes, size: int = 2**20) -> bytes:
    """Return what the server sends on one connection, without what is of one answer only.

    The data is sent in pieces of a *size*.
    """
    parts = urlsplit(reader.service.url)
    receiving, sending = await asyncio.open_connection(parts.hostname, parts.port)
    received = b""
    with closing(sending), suppress(ConnectionError):
        for start in range(0, len(data), size):
            sending.write(data[start : start + size])
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            while piece := await receiving.read(2**16):
                received += piece
    return OF_ONE_ANSWER.sub(b"", received)


async def send_alone(reader: PreviewReader, data: bytes) -> bytes:
    """Send a request, and the next one only when its answer arrives. Return as `send` does."""
    first = data.removesuffix(NEXT)
    if first == data:
        return await send(reader, data)
    parts = urlsplit(reader.service.url)
    receiving, sending = await asyncio.open_connection(parts.hostname, parts.port)
    with closing(sending):
        sending.write(first)
        async with asyncio.timeout(60):
            received = await receiving.read(2**16)
            sending.write(NEXT)
            while piece := await receiving.read(2**16):
                received += piece
    return OF_ONE_ANSWER.sub(b"", received)


async def different(reader: PreviewReader, document: str, data: bytes) -> list[str]:
    """Send a request first, and again after a usual one. Return what is wrong with later answers.

    Also if its answer is given to the usual request.
    """
    usual = followed(reader.path_of(document), *accept_of(document))
    await reader.service.token()
    first = await send(reader, data)
    await reader.service.token()
    first_usual = await send(reader, usual)

    later = [await send(reader, data), await send_alone(reader, data)]

    pairs = [(first_usual, await send_alone(reader, usual)), *((first, one) for one in later)]
    if not re.match(rb"HTTP/1\.[01] [1-4]", first):
        return [f"no answer, or a failure: {first[:100]!r}"]
    return [f"first {one[:700]!r}, later {two[:700]!r}" for one, two in pairs if one != two]


def accept_of(document: str) -> Iterable[str]:
    """Return the usual headers of a request for a document."""
    accept = DOCUMENTS[document][1]
    return [f"Accept: {accept}"] if accept else []


def followed(target: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    """Return a request, and one that follows it unless it closes the connection."""
    closes = version == "1.0" or any(
        "close" in one.lower() or "upgrade" in one.lower() for one in lines
    )
    head = "\r\n".join([f"{method} {target} HTTP/{version}", "Host: x", *lines, "", ""])
    return head.encode("latin-1") + (b"" if closes else NEXT)


@pytest.mark.parametrize("document", READ)
async def test_headers(reader: PreviewReader, document: str) -> None:
    """Whatever headers a request has, its first and its later answers are the same."""
    texts = {"etag": reader.etags.get(document, '"x"'), "admin": reader.service.admin}
    target = reader.path_of(document)

    found = {
        name: await different(
            reader, document, followed(target, *(one.format(**texts) for one in lines))
        )
        for name, lines in HEADERS.items()
    }

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("document", ["page", "wheel", "metadata"])
async def test_targets(reader: PreviewReader, document: str) -> None:
    """However a path is spelled, its first and its later answers are the same."""
    path = reader.path_of(document)
    spelled = {
        "escaped": path.replace("simple", "s%69mple").replace("packages", "p%61ckages"),
        "less": path.rstrip("/"),
        "capitals": path.replace("demo", "Demo"),
    }

    found = {
        name: await different(reader, document, followed(one.format(path, **spelled)))
        for name, one in TARGETS.items()
    }

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("document", ["page", "wheel", "other"])
async def test_methods_and_versions(reader: PreviewReader, document: str) -> None:
    """Whatever is done with a path, the first and the later answers are the same."""
    path = reader.path_of(document)
    requests = {one: followed(path, method=one) for one in METHODS}
    requests |= {
        "HEAD of gzip": followed(path, "Accept-Encoding: gzip", method="HEAD"),
        "HEAD of a range": followed(path, "Range: bytes=0-1", method="HEAD"),
        "HTTP/1.0": followed(path, version="1.0"),
        "HEAD of HTTP/1.0": followed(path, method="HEAD", version="1.0"),
        "HTTP/1.0 that stays": followed(path, "Connection: keep-alive", version="1.0") + NEXT,
        "HTTP/1.2": followed(path, version="1.2"),
        "no host": f"GET {path} HTTP/1.1\r\n\r\n".encode() + NEXT,
        "another host": f"GET {path} HTTP/1.1\r\nHost: other.example:1\r\n\r\n".encode() + NEXT,
        "odd bytes and a type": followed(
            f"{path}?format=application/vnd.pypi.simple.v1%2Bjson", "X: \xe9\xff"
        ),
        "two requests": followed(path).replace(NEXT, followed(path)),
    }

    found = {name: await different(reader, document, one) for name, one in requests.items()}

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


async def test_raw_requests(reader: PreviewReader) -> None:
    """Malformed and ambiguous requests for what was given before are answered as the first time."""
    page = reader.path_of("page").encode()
    requests = {
        one.name: one.data.replace(b"/health/live", page).replace(TOKEN, b"none")
        for one in raw_requests()
        if one.data.startswith((b"GET /health/live", b"HEAD /health/live"))
    }

    found = {name: await different(reader, "page", one) for name, one in requests.items()}

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_requests_in_pieces(reader: PreviewReader, size: int) -> None:
    """A request that arrives in pieces, across the ends of others, has the same answers."""
    request = followed(reader.path_of("page"), f"Accept: {PIP}").replace(NEXT, b"")
    data = request + followed(reader.path_of("metadata"))
    whole = await send(reader, data)

    pieces = await send(reader, data, size)

    assert pieces == whole
    assert whole.count(b"HTTP/1.1 200 OK") == 3


async def test_order_of_answers(reader: PreviewReader) -> None:
    """Requests that are sent without waiting get their answers in order, kept or not."""
    documents = ["page", "other", "wheel", "missing", "metadata", "list", "stage", "only"] * 5
    alone = {
        one: await send(reader, followed(reader.path_of(one)).replace(NEXT, b"") + NEXT)
        for one in documents
    }
    last = await send(reader, NEXT)
    data = b"".join(followed(reader.path_of(one)).replace(NEXT, b"") for one in documents)

    together = await send(reader, data + NEXT)

    assert together == b"".join(alone[one].removesuffix(last) for one in documents) + last


async def test_kept_answer_behind_a_slow_one(reader: PreviewReader) -> None:
    """An answer that is there at once waits for the one before it, which is not."""
    slow, held = reader.service.index, asyncio.Event()
    slow.quirks = Quirks(hold=held)
    slow.requests.clear()
    data = followed(reader.path_of("other")).replace(NEXT, b"") + followed(reader.path_of("page"))

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send(reader, data))
        async with asyncio.timeout(30):
            while not slow.requests:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
        held.set()

    first = sending.result().partition(b"\r\n\r\n")[2]
    assert first.index(b"other-1.0") < first.index(b"demo-2.0")
