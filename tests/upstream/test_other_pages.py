"""Kept pages of other projects: fresh, revalidated, requested once, and in bounded memory."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.other_pages import OtherPage
from stageproxy.core.index.staleness import Freshness
from stageproxy.ports import AskedPage
from stageproxy.upstream.copies import CopyLimits
from stageproxy.upstream.other_pages import OtherPageCache
from tests.support.builders.distributions import a_wheel
from tests.support.clients.cached_reader import FRESH_FOR, LONGEST, CachedReader
from tests.support.index.fake_index import Quirks

JSON = SimpleType.V1_JSON.value
READERS = 50
TIME = "Sun, 22 Nov 2026 12:00:00 GMT"


@dataclass(slots=True)
class PageReader:
    """Reads pages of other projects, or the status of what is none."""

    reader: CachedReader
    pages: OtherPageCache = field(init=False)

    def __post_init__(self) -> None:
        self.limit_to(LONGEST)

    def limit_to(self, size: int) -> None:
        """Keep no more than so many bytes from now on."""
        limits = CopyLimits(timedelta(seconds=FRESH_FOR), max_size=size)
        self.pages = OtherPageCache(
            self.reader.cached, limits, LONGEST, now=lambda: self.reader.seconds
        )

    async def read(
        self, path: str = "simple/demo/", headers: Mapping[str, str] = {}
    ) -> OtherPage | int:
        """Return a page, or the status of what is none."""
        asked = AskedPage(path, {"Accept": JSON, **headers}, Freshness.ANY)
        kept = self.pages.find(asked)
        if kept is not None:
            return kept
        async with self.pages.open(asked) as found:
            return found if isinstance(found, OtherPage) else found.status


@pytest.fixture
def pages(reader: CachedReader) -> PageReader:
    """Return a reader of the pages of an index that has demo 1.0."""
    return PageReader(reader)


async def test_fresh_page_is_not_requested(reader: CachedReader, pages: PageReader) -> None:
    """A page is used for a few seconds without a request."""
    first = await pages.read()
    reader.seconds += FRESH_FOR - 0.001

    assert await pages.read() is first
    assert reader.asked == [None]


async def test_stale_page_is_revalidated(reader: CachedReader, pages: PageReader) -> None:
    """A stale page is revalidated by its ETag; 304 means that it is fresh again."""
    first = await pages.read()
    reader.seconds += FRESH_FOR
    again = await pages.read()
    reader.seconds += FRESH_FOR - 0.001
    third = await pages.read()

    assert isinstance(first, OtherPage)
    assert isinstance(again, OtherPage)
    assert (again.sent.body is first.sent.body, third is again) == (True, True)
    assert reader.asked == [None, first.sent.headers["ETag"]]


async def test_page_with_a_time_is_revalidated(reader: CachedReader, pages: PageReader) -> None:
    """A page without an ETag is revalidated by its time."""
    not_modified = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"
    reader.index.quirks = Quirks(
        no_etag=True,
        extra_headers={"Last-Modified": TIME},
        raw={"/simple/demo/": iter([None, not_modified])},
    )
    first = await pages.read()
    reader.seconds += FRESH_FOR

    again = await pages.read()

    assert isinstance(first, OtherPage)
    assert isinstance(again, OtherPage)
    assert again.sent.body is first.sent.body
    assert reader.index.requests[-1].headers["If-Modified-Since"] == TIME


async def test_changed_page_replaces_the_kept_one(reader: CachedReader, pages: PageReader) -> None:
    """A changed page replaces the one that was kept."""
    await pages.read()
    reader.index.add("demo", a_wheel(version="1.1"))
    reader.seconds += FRESH_FOR

    new = await pages.read()

    assert isinstance(new, OtherPage)
    assert b"demo-1.1" in new.sent.body
    assert await pages.read() is new


async def test_memory_is_bounded(reader: CachedReader, pages: PageReader) -> None:
    """However many pages are read, no more bytes are kept than may be: the latest ones."""
    for number in range(20):
        reader.index.add(f"demo-{number}", a_wheel(f"demo_{number}"))
    pages.limit_to(8000)

    for number in range(20):
        await pages.read(f"simple/demo-{number}/")
    await pages.read("simple/demo-19/")
    await pages.read("simple/demo-0/")

    assert 0 < pages.pages.size <= 8000
    assert [one.path for one in reader.index.requests[20:]] == ["/simple/demo-0/"]


ANSWERS = {
    "a page": Quirks(),
    "a page without an ETag": Quirks(no_etag=True),
    "a page that is cut off": Quirks(truncate=True),
    "a page that is longer than it may be": Quirks(rewritten=lambda _: bytes(LONGEST + 1)),
}


@pytest.mark.parametrize("quirks", ANSWERS.values(), ids=ANSWERS)
async def test_many_readers_cause_one_request(
    reader: CachedReader, pages: PageReader, quirks: Quirks
) -> None:
    """Readers who ask for a page at the same time cause one request, and get the same."""
    reader.index.quirks = replace(quirks, delay=0.1)

    found = await asyncio.gather(*(pages.read() for _ in range(READERS)), return_exceptions=True)

    assert len(reader.asked) == 1
    assert {type(one) for one in found} <= {OtherPage} or all(
        isinstance(one, StageproxyError) for one in found
    )
    assert len({repr(one) for one in found}) == 1


async def test_other_responses_are_of_one_reader(reader: CachedReader, pages: PageReader) -> None:
    """What is no page is left to be streamed, to each reader by a request of its own."""
    found = await asyncio.gather(*(pages.read("simple/missing/") for _ in range(5)))

    assert found == [404] * 5
    assert len(reader.asked) == 5
    assert pages.pages.size == 0


async def test_reader_who_leaves(reader: CachedReader, pages: PageReader) -> None:
    """If the reader whose request runs leaves, the next one asks."""
    reader.index.quirks = Quirks(hold=(hold := asyncio.Event()))
    first = asyncio.create_task(pages.read())  # noqa: TID251 - it is cancelled before the others end
    second = asyncio.create_task(pages.read())  # noqa: TID251
    while not reader.asked:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)
    first.cancel()
    hold.set()

    assert isinstance(await second, OtherPage)
