"""Copies of documents that are shown while upstream fails, and never decide anything."""

import asyncio
from datetime import timedelta

import pytest

from stageproxy.core.circuit import FAILURES
from stageproxy.core.errors import StageproxyError, UpstreamFailedError
from stageproxy.core.index.pages import Document
from stageproxy.core.index.staleness import Freshness
from tests.support.builders.distributions import a_wheel
from tests.support.clients.cached_reader import JSON, PATH, CachedReader
from tests.support.index.fake_index import Quirks
from tests.support.ports.clock import NOON

HOUR = 3600
DROPPED = [b""] * 9
ILL = {
    "500": Quirks(status=500),
    "503": Quirks(status=503),
    "429": Quirks(status=429),
    "silence": Quirks(delay=60),
    "half a page": Quirks(truncate=True),
    "half a page of unknown length": Quirks(close_delimited=True),
    "half an HTML page of unknown length": Quirks(close_delimited=True, html_only=True),
    "no HTTP": Quirks(raw={"/simple/demo/": iter([b"SSH-2.0\r\n"] * 9)}),
    "dropped connections": Quirks(raw={"/simple/demo/": iter(DROPPED)}),
}


def become_ill(reader: CachedReader, quirks: Quirks) -> None:
    """Change the page, so that upstream has to send it, and let it fail."""
    reader.index.add("demo", a_wheel(version="1.1"))
    reader.index.quirks = quirks


async def shown(reader: CachedReader, freshness: Freshness = Freshness.ANY) -> Document | None:
    """Return the document that a preview shows."""
    return await reader.cached.find_to_show(PATH, JSON, freshness)


@pytest.mark.parametrize("quirks", ILL.values(), ids=ILL)
async def test_copy_is_shown(reader: CachedReader, quirks: Quirks) -> None:
    """While upstream fails, the copy is shown, with its age."""
    known = await reader.find()
    reader.seconds += HOUR
    become_ill(reader, quirks)

    stale = await shown(reader)

    assert known is not None
    assert stale is not None
    assert (stale.body, stale.stale_seconds) == (known.body, HOUR)
    assert reader.outcomes[-1] == "stale"


@pytest.mark.parametrize("quirks", ILL.values(), ids=ILL)
async def test_ill_upstream_replaces_no_copy(reader: CachedReader, quirks: Quirks) -> None:
    """What an ill upstream sends is not cached, not even under the ETag of the whole page."""
    await reader.find()
    become_ill(reader, quirks)
    with pytest.raises(StageproxyError):
        await reader.find(fresh=True)
    reader.index.quirks = Quirks()

    again = await reader.body(fresh=True)

    assert again.rstrip().endswith(b"}")
    assert b"demo-1.1" in again


async def test_copy_is_shown_at_once_while_the_circuit_is_open(reader: CachedReader) -> None:
    """While upstream is not asked, the copy is shown without a request."""
    await reader.find()
    reader.seconds += HOUR
    reader.index.quirks = Quirks(status=500)
    for _ in range(FAILURES):
        await shown(reader)
    reader.index.requests.clear()

    assert await shown(reader) is not None
    assert reader.asked == []


@pytest.mark.parametrize(
    ("age", "is_shown"), [(24 * HOUR - 1, True), (24 * HOUR, False)], ids=["a day", "older"]
)
async def test_copy_is_shown_for_a_day(reader: CachedReader, age: int, *, is_shown: bool) -> None:
    """A copy is shown for 24 hours after upstream was asked last."""
    await reader.find()
    reader.seconds += age
    reader.index.quirks = Quirks(status=503)

    try:
        found = await shown(reader)
    except StageproxyError:
        found = None

    assert (found is not None) is is_shown


async def test_asked_first(reader: CachedReader) -> None:
    """A reader who wants upstream to be asked gets the copy if it fails, and only then."""
    await reader.find()
    asked = await shown(reader, Freshness.ASKED)
    reader.index.quirks = Quirks(status=503)
    stale = await shown(reader, Freshness.ASKED)

    assert asked is not None
    assert stale is not None
    assert (asked.stale_seconds, stale.stale_seconds) == (None, 0)


async def test_nothing_stale_where_it_is_not_wanted(reader: CachedReader) -> None:
    """Neither who wants what upstream has now gets a copy, nor what decides."""
    await reader.find()
    reader.seconds += HOUR
    reader.index.quirks = Quirks(status=503)

    found = await asyncio.gather(
        shown(reader, Freshness.CURRENT),
        reader.find(),
        reader.find(fresh=True),
        reader.deciding.find(PATH, JSON, fresh=True),
        return_exceptions=True,
    )

    assert [type(one).__name__ for one in found] == ["_TemporaryError"] * 4


@pytest.mark.parametrize(
    "quirks",
    [Quirks(status=403), Quirks(extra_headers={"Content-Encoding": "br"})],
    ids=["403", "nonsense"],
)
async def test_useless_answers_are_shown_as_errors(reader: CachedReader, quirks: Quirks) -> None:
    """An upstream that answers is not ill: what is wrong with its answer is reported."""
    await reader.find()
    reader.seconds += HOUR
    become_ill(reader, quirks)

    with pytest.raises(UpstreamFailedError):
        await shown(reader)


async def test_removed_project_is_not_shown(reader: CachedReader) -> None:
    """A page that upstream no longer has is gone, also while upstream fails later."""
    await reader.find()
    reader.index.remove("demo")
    assert await reader.find(fresh=True) is None
    reader.index.quirks = Quirks(status=503)

    with pytest.raises(StageproxyError):
        await shown(reader)


async def test_outage(reader: CachedReader) -> None:
    """An outage lasts from the first failure to the next answer."""
    await reader.find()
    reader.index.quirks = Quirks(status=500)
    reader.seconds += HOUR
    await shown(reader)
    first = reader.cached.outage
    reader.clock.advance(minutes=5)
    for _ in range(FAILURES):
        await shown(reader)
    later = reader.cached.outage
    copied_at = reader.cached.copied_at(PATH)
    reader.index.quirks = Quirks()
    await reader.deciding.find(PATH, JSON, fresh=True)

    assert first is not None
    assert later is not None
    assert (first.since, later.since) == (NOON, NOON)
    assert later.sentence == (
        "PyPI answered 500 to the request for a document. Since 2026-11-22 12:00 UTC."
    )
    assert copied_at == reader.clock.now() - timedelta(hours=1)
    assert reader.cached.outage is None
