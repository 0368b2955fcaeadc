"""Cached documents of upstream: fresh, revalidated, and requested once for all readers."""

import asyncio
from dataclasses import replace

import pytest

from stageproxy.core.errors import (
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.negotiation import SimpleType
from tests.support.builders.distributions import a_wheel
from tests.support.clients.cached_reader import FRESH_FOR, JSON, LONGEST, CachedReader
from tests.support.index.fake_index import FakeIndex, Quirks

READERS = 100
HTML = SimpleType.HTML.value
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n\r\n"


async def test_fresh_document_is_not_requested(reader: CachedReader) -> None:
    """A document is used for a few seconds without a request."""
    first = await reader.find()
    reader.seconds += FRESH_FOR - 0.001

    again = await reader.find()
    assert again is not None
    assert first is not None
    assert again.body is first.body
    assert (reader.asked, reader.outcomes) == ([None], ["fetched", "kept"])


async def test_stale_document_is_revalidated(reader: CachedReader) -> None:
    """A stale document is revalidated by ETag; 304 means that the body is unchanged."""
    first = await reader.find()
    reader.seconds += FRESH_FOR

    again = await reader.find()

    assert again is not None
    assert first is not None
    assert again.body is first.body
    assert reader.asked == [None, first.headers["ETag"]]
    assert reader.outcomes == ["fetched", "not-modified"]


async def test_304_makes_it_fresh(reader: CachedReader) -> None:
    """A revalidated document is fresh again."""
    for _ in range(3):
        await reader.find()
        reader.seconds += FRESH_FOR / 2 + 0.1

    assert reader.outcomes == ["fetched", "kept", "not-modified"]


async def test_changed_document_replaces_the_cached_one(reader: CachedReader) -> None:
    """A changed document replaces the cached one."""
    await reader.find()
    reader.index.add("demo", a_wheel(version="1.1"))
    reader.seconds += FRESH_FOR

    assert b"demo-1.1" in await reader.body()
    assert b"demo-1.1" in await reader.body()
    assert reader.outcomes == ["fetched", "fetched", "kept"]


async def test_fresh_skips_the_cache(reader: CachedReader) -> None:
    """A reader who needs a fresh document causes a request."""
    await reader.find()
    reader.index.add("demo", a_wheel(version="1.1"))

    assert b"demo-1.1" in await reader.body(fresh=True)
    assert b"demo-1.1" in await reader.body()
    assert len(reader.asked) == 2


async def test_document_without_an_etag(reader: CachedReader) -> None:
    """A document without ETag is fetched again."""
    reader.index.quirks = Quirks(no_etag=True)
    await reader.find()
    reader.seconds += FRESH_FOR

    await reader.find()

    assert (reader.asked, reader.outcomes) == ([None, None], ["fetched", "fetched"])


async def test_document_with_a_time(reader: CachedReader) -> None:
    """A document without ETag is revalidated by its time."""
    time = "Sun, 22 Nov 2026 12:00:00 GMT"
    not_modified = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"
    reader.index.quirks = Quirks(
        no_etag=True,
        extra_headers={"Last-Modified": time},
        raw={"/simple/demo/": iter([None, not_modified])},
    )
    await reader.find()
    reader.seconds += FRESH_FOR

    await reader.find()

    assert reader.index.requests[-1].headers["If-Modified-Since"] == time
    assert reader.outcomes == ["fetched", "not-modified"]


async def test_types_are_cached_separately(reader: CachedReader) -> None:
    """The answer to one Accept header is not used for another."""
    found = [await reader.find(accept=accept) for accept in (JSON, HTML, JSON, HTML)]

    assert [one.content_type.partition(";")[0] for one in found if one] == [JSON, HTML, JSON, HTML]
    assert reader.asked == [None, None]


COLD = {
    "a page": Quirks(),
    "a page without ETag": Quirks(no_etag=True),
    "an error": Quirks(status=500),
    "nonsense": Quirks(extra_headers={"Content-Encoding": "br"}),
    "nothing": Quirks(status=404),
}


@pytest.mark.parametrize("fresh", [False, True], ids=["", "fresh"])
@pytest.mark.parametrize("quirks", COLD.values(), ids=COLD)
async def test_many_readers_cause_one_request(
    reader: CachedReader, quirks: Quirks, *, fresh: bool
) -> None:
    """A hundred readers of one page cause one request, whatever its answer."""
    reader.index.quirks = replace(quirks, delay=0.1)

    found = await asyncio.gather(
        *(reader.find(fresh=fresh) for _ in range(READERS)), return_exceptions=True
    )

    assert len(reader.asked) == 1
    assert len({repr(one) for one in found}) == 1


async def test_readers_of_a_document_too_large_to_cache(
    index: FakeIndex, reader: CachedReader
) -> None:
    """A document that is too large to cache is fetched once for all concurrent readers."""
    index.add("demo", extra_page_keys={"x": "x" * (LONGEST - 2**10)})

    bodies = await asyncio.gather(*(reader.body() for _ in range(READERS)))

    assert (len(reader.asked), len(set(bodies)), reader.cached.size) == (1, 1, 0)


async def test_each_reader_gets_its_own_exception(reader: CachedReader) -> None:
    """An exception that is raised many times would grow and keep the received bytes alive."""
    reader.index.quirks = Quirks(status=500, delay=0.05)

    failures = await asyncio.gather(*(reader.failure() for _ in range(3)))

    assert len({id(one) for one in failures}) == 3
    assert [one.__cause__ for one in failures if one] == [None] * 3
    assert reader.cached.outage is not None
    assert reader.cached.outage.failure.__traceback__ is None


async def test_memory_is_limited(reader: CachedReader) -> None:
    """The cache never exceeds its limit; the least recently used document is removed."""
    for number in range(8):
        name = f"large-{number}"
        reader.index.add(name, extra_page_keys={"x": "x" * (LONGEST // 4)})
        await reader.find(f"simple/{name}/")

    assert LONGEST // 2 < reader.cached.size <= LONGEST
    reader.index.requests.clear()
    await reader.find("simple/large-7/")
    await reader.find("simple/large-0/")
    assert [one.path for one in reader.index.requests] == ["/simple/large-0/"]


BROKEN = {
    "half a page": Quirks(truncate=True),
    "half an HTML page of unknown length": Quirks(close_delimited=True, html_only=True),
    "an error": Quirks(status=500),
    "an error of a proxy": Quirks(status=502),
    "gzip that is none": Quirks(extra_headers={"Content-Encoding": "gzip"}),
    "a redirect elsewhere": Quirks(redirect_to="https://elsewhere.example.org/"),
    "silence": Quirks(delay=60),
    "a 304 that nobody asked for": Quirks(raw={"/simple/demo/": iter([NOT_MODIFIED])}),
}


@pytest.mark.parametrize("quirks", BROKEN.values(), ids=BROKEN)
async def test_broken_answers_are_not_cached(reader: CachedReader, quirks: Quirks) -> None:
    """A truncated or failed answer is not cached."""
    reader.index.quirks = quirks
    failure = await reader.failure()
    reader.index.quirks = Quirks()

    assert isinstance(failure, UpstreamFailedError | UpstreamUnavailableError | UpstreamSlowError)
    assert reader.cached.size == 0
    assert b"demo-1.0" in await reader.body()


async def test_cached_document_survives_a_failure(reader: CachedReader) -> None:
    """After a failure the document is still revalidated by its ETag."""
    first = await reader.find()
    reader.seconds += FRESH_FOR
    reader.index.quirks = Quirks(status=500)
    failure = await reader.failure()
    reader.index.quirks = Quirks()

    assert failure is not None
    again = await reader.find()
    assert again is not None
    assert first is not None
    assert again.body is first.body
    assert reader.outcomes == ["fetched", "upstream-unavailable", "not-modified"]


async def test_missing_is_not_cached(reader: CachedReader) -> None:
    """A 404 is not cached."""
    missing = await reader.find("simple/new/")
    reader.index.add("new", a_wheel("new"))

    assert missing is None
    assert b"new-1.0" in await reader.body("simple/new/")
    assert reader.outcomes == ["missing", "fetched"]


async def test_removed_document_is_removed_from_the_cache(reader: CachedReader) -> None:
    """A document that upstream removed is removed from the cache."""
    await reader.find()
    reader.index.remove("demo")

    assert await reader.find(fresh=True) is None
    assert await reader.find() is None
    assert reader.cached.size == 0
