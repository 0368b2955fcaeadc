"""Staged files whose bytes are elsewhere: passed on whole or in part, or cut off visibly."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from stageproxy.core.errors import FailedBucketError
from stageproxy.ports import BytesElsewhere
from stageproxy.web.answers.ranges import Part
from stageproxy.web.preview.passed_on import passed_on
from tests.support.servers.runner import running

CONTENT = b"0123456789" * 10_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PIECE = 30_000
OTHER = b"?" * len(CONTENT)


def in_pieces(content: bytes, *, failing_after: int = 99) -> BytesElsewhere:
    """Return bytes that arrive in pieces, and not all if the store fails *after* some."""

    async def read(first: int, end: int) -> AsyncIterator[bytes]:
        for number, start in enumerate(range(first, end, PIECE)):
            if number == failing_after:
                raise FailedBucketError("it is on fire")
            yield content[start : min(start + PIECE, end)]

    return BytesElsewhere(len(content), read)


@asynccontextmanager
async def serving(
    stored: BytesElsewhere, part: Part | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Return the answer that passes bytes on, when it has begun."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await passed_on(request, stored, SHA256, {"ETag": '"it"'}, part)

    app = web.Application()
    app.router.add_get("/", answer)
    async with (
        running(web.AppRunner(app, shutdown_timeout=0.1)) as url,
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        yield response


async def test_whole_file() -> None:
    """A whole file arrives with its headers, as many bytes as were announced."""
    async with serving(in_pieces(CONTENT)) as answer:
        content = await answer.read()

    assert (answer.status, answer.headers["ETag"], content) == (200, '"it"', CONTENT)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content_length == len(CONTENT)


@pytest.mark.parametrize("part", [Part(0, 0), Part(5, 70_000), Part(99_999, 99_999)])
async def test_part(part: Part) -> None:
    """Only the part that was asked for is read, and it says which one it is."""
    async with serving(in_pieces(CONTENT), part) as answer:
        content = await answer.read()

    assert (answer.status, content) == (206, CONTENT[part.first : part.last + 1])
    assert answer.headers["Content-Range"] == f"bytes {part.first}-{part.last}/{len(CONTENT)}"


@pytest.mark.parametrize(
    "stored",
    [in_pieces(CONTENT, failing_after=2), in_pieces(OTHER)],
    ids=["the store fails", "other bytes"],
)
@pytest.mark.parametrize("part", [None, Part(0, len(CONTENT) - 1)], ids=["whole", "all as a part"])
async def test_never_complete(stored: BytesElsewhere, part: Part | None) -> None:
    """A file that did not arrive, or not as it was stored, never looks complete to a client."""
    async with serving(stored, part) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.parametrize(
    "stored",
    [in_pieces(CONTENT, failing_after=0), in_pieces(OTHER[:PIECE])],
    ids=["the store fails", "a small file with other bytes"],
)
async def test_error_before_the_answer(stored: BytesElsewhere) -> None:
    """A store that fails before the first bytes is answered with an error, not with a part."""
    async with serving(stored) as answer:
        pass

    assert answer.status == 500
