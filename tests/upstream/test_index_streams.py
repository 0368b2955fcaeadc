"""Documents that are too long to be read whole, decoded as they arrive."""

import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.upstream.responses import decoded_document
from tests.support.clients.cached_reader import JSON, CachedReader
from tests.support.index.fake_index import Quirks

BODY = b'{"projects":[{"name":"demo"}]}'
GZIP = {"Content-Encoding": "gzip"}
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of upstream; see `ports.UpstreamResponse`."""

    body: bytes = BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    chunk: int = 7

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives."""
        for at in range(0, len(self.body), self.chunk):
            yield self.body[at : at + self.chunk]


async def chunks_of(response: Response) -> list[bytes]:
    """Return the chunks of the document in a response."""
    return [chunk async for chunk in decoded_document(response).chunks()]


@pytest.mark.parametrize(
    "response",
    [
        Response(),
        Response(headers={"Content-Encoding": "identity"}),
        Response(gzip.compress(BODY), GZIP),
        Response(gzip.compress(BODY), {"Content-Encoding": "GZIP"}, chunk=1),
    ],
    ids=["without an encoding", "identity", "gzip", "gzip, byte by byte"],
)
async def test_document_is_decoded(response: Response) -> None:
    """The body is decoded from any encoding, in any chunks."""
    assert b"".join(await chunks_of(response)) == BODY


async def test_chunks_are_limited() -> None:
    """Whatever a chunk is decompressed to, it is returned in limited chunks, to its end."""
    body = b" " * 4 * MIB + b"end"

    chunks = await chunks_of(Response(gzip.compress(body), GZIP, chunk=2**18))

    assert b"".join(chunks) == body
    assert max(map(len, chunks)) <= MIB


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(headers={"Content-Encoding": "br"}), "not requested: br"),
        (Response(headers=GZIP), "cannot be decompressed"),
        (Response(gzip.compress(BODY)[:-1], GZIP), "truncated"),
        (Response(status=404), "answered 404"),
        (Response(status=302), "answered 302"),
    ],
    ids=["another encoding", "gzip that is none", "gzip that is cut off", "missing", "moved"],
)
async def test_other_answers_are_refused(response: Response, message: str) -> None:
    """An answer that cannot be decoded, or is no document, raises."""
    with pytest.raises(UpstreamFailedError, match=message):
        await chunks_of(response)


@pytest.mark.parametrize(
    ("headers", "has_length"),
    [({}, False), ({"content-length": "30"}, True), ({"Transfer-Encoding": "chunked"}, True)],
    ids=["neither", "Content-Length", "Transfer-Encoding"],
)
def test_announced_length(headers: Mapping[str, str], *, has_length: bool) -> None:
    """An announced length is reported; without one, only the end of the body is a sign."""
    assert decoded_document(Response(headers=headers)).has_length is has_length


async def test_streamed_from_upstream(reader: CachedReader) -> None:
    """A document is requested in the wanted type, and is not cached."""
    async with reader.cached.stream("simple/demo/", JSON) as document:
        body = b"".join([chunk async for chunk in document.chunks()])

    assert b"demo-1.0" in body
    assert document.content_type.startswith("application/vnd.pypi.simple.v1+json")
    (request,) = reader.index.requests
    assert (request.headers["Accept"], request.headers["Accept-Encoding"]) == (JSON, "gzip")
    assert reader.cached.size == 0


async def test_failure_of_upstream_is_reported(reader: CachedReader) -> None:
    """An error of upstream is its last failure, as for any other document."""
    reader.index.quirks = Quirks(status=500)

    with pytest.raises(UpstreamFailedError):
        async with reader.cached.stream("simple/demo/", JSON):
            pass

    assert reader.cached.outage is not None
