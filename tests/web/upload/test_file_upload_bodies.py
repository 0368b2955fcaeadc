"""Upload 2.0: invalid bodies, which are refused and leave nothing behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.pep694 import META, UPLOAD_2_0, Pep694Client
from tests.support.clients.wire import a_request, body_in, exchange, status_of
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

WHEEL = a_wheel(version="2.0")
LIMIT = 2**20
TOO_LARGE = "File too large. Limit for project 'demo' is 1 MB."
BYTES = "application/octet-stream"
OPENING = b'{"meta": {"api-version": "2.0"}, "filename": '


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that accepts no large files."""
    upload = {"max_file_size": LIMIT}
    async with running_service(tmp_path / "data", index, upload=upload) as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Pep694Client:
    """Return a client that may do everything."""
    return Pep694Client(service)


@pytest.fixture
async def session(client: Pep694Client) -> Any:
    """Return a new session."""
    return await client.session()


@pytest.fixture
async def upload(client: Pep694Client, session: Any) -> Any:
    """Return an upload without any bytes."""
    return (await client.announce(session, WHEEL)).document


def request_for(client: Pep694Client, url: str, kind: str, *headers: str) -> bytes:
    """Return the head of a POST, for any body."""
    bearer = f"Authorization: Bearer {client.service.admin}"
    return a_request(urlsplit(url).path, "POST", "1.1", bearer, f"Content-Type: {kind}", *headers)


def left_over(service: RunningService) -> list[Path]:
    """Return the received files that are on the disk."""
    return [one for one in (service.data / "files").rglob("*") if one.is_file()]


NO_MESSAGES = {
    "nothing": b"",
    "NUL": b"\0",
    "null": b"null",
    "an array": b"[]",
    "a text": b'"x"',
    "half an object": OPENING,
    "arrays to no end": b"[" * 60_000,
    "objects to no end": b'{"a":' * 12_000,
    "deep nesting": OPENING + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "UTF-16": json.dumps({"meta": META}).encode("utf-16"),
    "no UTF-8": OPENING + b'"\xff"}',
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps({"meta": META}).encode(),
    "half a character": OPENING + b'"\\ud800"}',
    "a size of 5000 digits": OPENING + b'"x", "size": ' + b"9" * 5000 + b"}",
    "a size that is infinite": OPENING + b'"x", "size": 1e999}',
    "a size that is no number": OPENING + b'"x", "size": NaN}',
    "something behind it": b"{} {}",
}


@pytest.mark.parametrize("body", NO_MESSAGES.values(), ids=NO_MESSAGES)
async def test_no_message(client: Pep694Client, session: Any, body: bytes) -> None:
    """An invalid message is 400, as a problem document."""
    answer = await client.say("POST", session["links"]["upload"], body)

    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert await client.files(session) == {}


HUGE = {
    "white space": b" " * 2**20,
    "a million hashes": b'{"hashes": {%s}}' % b",".join(b'"%d":""' % n for n in range(10**6)),
    "a long name": OPENING + b'"%s"}' % (b"x" * 2**20),
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
async def test_huge_message(client: Pep694Client, session: Any, body: bytes) -> None:
    """A message of more than 64 KiB is 413."""
    answer = await client.say("POST", session["links"]["upload"], body)

    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")


async def test_keys_twice(client: Pep694Client, session: Any) -> None:
    """The last of two equal keys counts, for every use of the message."""
    announced = {"filename": "../x", "size": 1, "hashes": {}, "mechanism": "y"}
    right = {
        "meta": META,
        "filename": WHEEL.filename,
        "size": len(WHEEL.content),
        "hashes": {"sha256": WHEEL.sha256},
        "mechanism": "http-post-bytes",
    }
    body = f"{json.dumps(announced)[:-1]}, {json.dumps(right)[1:]}".encode()

    answer = await client.say("POST", session["links"]["upload"], body)

    assert answer.status == 202
    assert await client.files(session) == {WHEEL.filename: "pending"}


async def test_chunked(client: Pep694Client, upload: Any) -> None:
    """Bytes may be sent in chunks of any length, without a Content-Length."""
    head = request_for(client, upload["mechanism"]["file_url"], BYTES, "Transfer-Encoding: chunked")
    body, rest = WHEEL.content[:1], WHEEL.content[1:]
    chunks = b"1\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (body, len(rest), rest)

    answer = await exchange(client.service.url, head + chunks)

    assert status_of(answer) == 201
    assert (await client.complete(upload)).status == 201


async def test_expect_continue(client: Pep694Client, upload: Any) -> None:
    """A client that expects 100 Continue gets it."""
    length = f"Content-Length: {len(WHEEL.content)}"
    url = upload["mechanism"]["file_url"]
    head = request_for(client, url, BYTES, length, "Expect: 100-continue")

    answer = await exchange(client.service.url, head + WHEEL.content)

    assert status_of(answer) == 100
    assert status_of(body_in(answer)) == 201


FRAMES = {
    "two lengths": (("Content-Length: 5", "Content-Length: 6"), b"hello"),
    "a length and chunks": (("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
    "a negative length": (("Content-Length: -5",), b"hello"),
    "a length in words": (("Content-Length: five",), b"hello"),
    "invalid chunks": (("Transfer-Encoding: chunked",), b"zz\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize(("headers", "body"), FRAMES.values(), ids=FRAMES)
async def test_broken_frames(
    client: Pep694Client, session: Any, upload: Any, headers: tuple[str, ...], body: bytes
) -> None:
    """A body of ambiguous length is 400, and nothing of it is stored."""
    head = request_for(client, upload["mechanism"]["file_url"], BYTES, *headers)

    answer = await exchange(client.service.url, head + body)

    assert status_of(answer) == 400
    assert left_over(client.service) == []
    assert await client.files(session) == {WHEEL.filename: "pending"}


async def test_broken_in_the_middle(client: Pep694Client, session: Any, upload: Any) -> None:
    """Chunks that become invalid are 400 at once, and nothing of them is stored."""
    head = request_for(client, upload["mechanism"]["file_url"], BYTES, "Transfer-Encoding: chunked")
    address = urlsplit(client.service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    with closing(writer):
        writer.write(head + b"5\r\nhello\r\n")
        while not left_over(client.service):
            await client.status(upload)
        writer.write(b"zz\r\nhello\r\n0\r\n\r\n")
        async with asyncio.timeout(60):
            answer = await reader.readuntil(b"}}")

    assert status_of(answer) == 400
    assert b"application/problem+json" in answer
    assert left_over(client.service) == []
    assert await client.files(session) == {WHEEL.filename: "pending"}


@pytest.mark.parametrize("header", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_cut_off(client: Pep694Client, upload: Any, header: str) -> None:
    """Bytes that are cut off are not stored, and the upload stays pending."""
    head = request_for(client, upload["mechanism"]["file_url"], BYTES, header)
    half = b"5\r\nhello\r\n" if "chunked" in header else b"hello"

    await exchange(client.service.url, head + half, hang_up=True)

    assert await client.status(upload) == "pending"
    assert (await client.complete(upload)).status == 400
    while left_over(client.service):
        await client.status(upload)


@pytest.mark.parametrize("length", [LIMIT + 1, 10**12])
async def test_too_large_to_be_read(client: Pep694Client, upload: Any, length: int) -> None:
    """A body beyond the limit is answered before the rest is sent.

    The answer is PyPI's sentence, and a client that is still sending can read it.
    """
    url = upload["mechanism"]["file_url"]
    head = request_for(client, url, BYTES, f"Content-Length: {length}")
    address = urlsplit(client.service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    with closing(writer):
        writer.write(head + bytes(LIMIT + 1))
        async with asyncio.timeout(60):
            head_of_answer = await reader.readuntil(b"\r\n\r\n")
            problem = json.loads(await reader.readuntil(b"}}"))

    assert status_of(head_of_answer) == 400
    assert problem["detail"].startswith(TOO_LARGE)
    assert left_over(client.service) == []
    assert await client.status(upload) == "pending"


async def test_too_large_for_an_ordinary_client(client: Pep694Client, upload: Any) -> None:
    """A client that sends the whole body before it reads gets the answer too."""
    answer = await client.send(upload, bytes(8 * LIMIT))

    assert answer.status == 400
    assert answer.document["detail"].startswith(TOO_LARGE)


async def test_just_not_too_large(client: Pep694Client, upload: Any) -> None:
    """A body of exactly the limit is accepted."""
    assert (await client.send(upload, bytes(LIMIT))).status == 201


async def test_packed(client: Pep694Client, upload: Any) -> None:
    """A content encoding is not decoded, so the file is another one."""
    await client.send(upload, b"\x1f\x8b" + WHEEL.content, Content_Encoding="gzip")

    assert (await client.complete(upload)).status == 400


async def test_message_of_another_type(client: Pep694Client, upload: Any) -> None:
    """A message of another type is 415, on every URL."""
    links = upload["links"]

    answers = [
        await client.ask("POST", links[one], {}, Content_Type="application/json")
        for one in ("complete", "extend")
    ]

    assert [one.status for one in answers] == [415, 415]
    assert UPLOAD_2_0 in answers[0].document["detail"]
    assert await client.status(upload) == "pending"


@pytest.mark.parametrize("message", [{"meta": {"api-version": "2.1"}}, {"meta": {}}, {"meta": 2}])
async def test_another_version(client: Pep694Client, upload: Any, message: Any) -> None:
    """A message of another API version is 400."""
    answer = await client.ask("POST", upload["links"]["complete"], message)

    assert answer.status == 400
    assert await client.status(upload) == "pending"
