"""An upstream that is ill: circuits, the retry budget, places, and what it says about returning."""

import asyncio
from contextlib import suppress

import pytest

from stageproxy.core.circuit import FAILURES, OPEN_SECONDS
from stageproxy.core.errors import StageproxyError
from stageproxy.core.retries import RESERVE, SHARE
from stageproxy.upstream.circuits import CircuitOpenError
from stageproxy.upstream.traffic import BusyError
from tests.support.clients.cached_reader import JSON, PATH, READERS, CachedReader
from tests.support.index.fake_index import FakeIndex, Quirks

OTHER = "simple/other/"


async def fail(reader: CachedReader, times: int) -> None:
    """Read several times while every answer is 500."""
    reader.index.quirks = Quirks(status=500)
    for _ in range(times):
        assert await reader.failure() is not None


async def test_open_circuit(reader: CachedReader) -> None:
    """After five failures in a row nothing is asked for ten seconds, and the answer is at once."""
    await fail(reader, FAILURES)
    reader.index.requests.clear()
    reader.seconds += OPEN_SECONDS - 1

    failure = await reader.failure()

    assert isinstance(failure, CircuitOpenError)
    assert (failure.retry_after, reader.asked) == ("1", [])


async def test_one_probe(reader: CachedReader) -> None:
    """After ten seconds one request is sent; the others do not wait for its answer."""
    await fail(reader, FAILURES)
    reader.index.requests.clear()
    reader.seconds += OPEN_SECONDS
    paths = [f"simple/p{number}/" for number in range(READERS)]

    await asyncio.gather(*(reader.find(one) for one in paths), return_exceptions=True)

    assert len(reader.asked) == 1


async def test_first_success_closes_the_circuit(reader: CachedReader) -> None:
    """With the first answer after an outage everything is asked again."""
    await fail(reader, FAILURES)
    reader.seconds += OPEN_SECONDS
    reader.index.quirks = Quirks()

    assert b"demo-1.0" in await reader.body(fresh=True)
    assert b"demo-1.0" in await reader.body(fresh=True)
    assert reader.traffic.circuits.open_count == 0


async def test_probe_that_fails_is_not_repeated(reader: CachedReader) -> None:
    """A probe is one request: it is not retried."""
    await fail(reader, FAILURES)
    reader.index.quirks = Quirks(status=503)
    reader.index.requests.clear()
    reader.seconds += OPEN_SECONDS

    await reader.failure()

    assert len(reader.asked) == 1


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(status=404),
        Quirks(status=403),
        Quirks(status=429),
        Quirks(extra_headers={"Content-Encoding": "br"}),
    ],
    ids=["404", "403", "429", "nonsense"],
)
async def test_answers_that_open_no_circuit(reader: CachedReader, quirks: Quirks) -> None:
    """An answer that somebody does not like is an answer: the host is not ill."""
    reader.index.quirks = quirks
    for _ in range(2 * FAILURES):
        with suppress(StageproxyError):
            await reader.find(fresh=True)

    assert len(reader.asked) == 2 * FAILURES
    assert reader.traffic.circuits.open_count == 0


async def test_errors_that_readers_choose_open_no_circuit(reader: CachedReader) -> None:
    """A reader who asks for a path that is always an error takes nothing from the others."""
    reader.index.quirks = Quirks(status=503)
    for _ in range(2 * FAILURES):
        async with reader.cached.open("search/", {}):
            pass

    assert reader.traffic.circuits.open_count == 0


async def test_what_decides_always_asks(reader: CachedReader) -> None:
    """A verdict asks whatever the circuit is, and its answer closes it."""
    await fail(reader, FAILURES)
    reader.index.quirks = Quirks()

    found = await reader.deciding.find(PATH, JSON, fresh=True)

    assert found is not None
    assert reader.traffic.circuits.open_count == 0


SAID = {
    "seconds": ("17", "17"),
    "a date": ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"),
    "nonsense": ("soon", ""),
    "a negative number": ("-1", ""),
    "more than a number": ("1" * 30, ""),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("said", "passed_on"), SAID.values(), ids=SAID)
async def test_retry_after(reader: CachedReader, status: int, said: str, passed_on: str) -> None:
    """When upstream says when to return, it is not asked again before, and clients hear it."""
    reader.index.quirks = Quirks(status=status, extra_headers={"Retry-After": said})

    failure = await reader.failure()

    assert failure is not None
    assert failure.retry_after == passed_on
    assert len(reader.asked) == (1 if passed_on or status == 429 else 3)


async def test_retries_have_a_budget(reader: CachedReader) -> None:
    """Of many failing requests only a share is repeated, whatever the circuit is."""
    reader.index.quirks = Quirks(status=503)
    requests = 40
    for _ in range(requests):
        with suppress(StageproxyError):
            await reader.deciding.find(PATH, JSON, fresh=True)

    assert requests < len(reader.asked) <= requests * (1 + SHARE) + RESERVE


async def held(reader: CachedReader) -> asyncio.Event:
    """Let one request to upstream hang; return the event that ends it."""
    hold = asyncio.Event()
    reader.index.quirks = Quirks(hold=hold)
    return hold


async def test_wait_for_a_place(reader: CachedReader) -> None:
    """A request that finds no place is an error after a bounded time, and says why."""
    reader.read_from(reader.index.url, pages=1, seconds=0.01)
    hold = await held(reader)
    async with asyncio.TaskGroup() as group:
        group.create_task(ignored(reader))
        await until_asked(reader.index)
        with pytest.raises(BusyError, match="already has 1 requests for pages of PyPI running"):
            await reader.find(OTHER)
        hold.set()


async def test_purposes_have_places_of_their_own(reader: CachedReader) -> None:
    """With all places for streams taken, pages and decisions are asked for as ever."""
    reader.read_from(reader.index.url, streams=1, seconds=0.01)
    async with reader.cached.open("simple/other/", {}):
        page = await reader.find()
        decided = await reader.deciding.find(PATH, JSON, fresh=True)
        with pytest.raises(BusyError):
            async with reader.cached.open("simple/other/", {}):
                pass

    assert page is not None
    assert decided is not None


async def test_first_reader_leaves(reader: CachedReader) -> None:
    """A reader who leaves while others wait for the same page does not fail them."""
    hold = await held(reader)
    first = asyncio.ensure_future(reader.find())
    await until_asked(reader.index)
    others = [asyncio.ensure_future(reader.find()) for _ in range(READERS)]
    await asyncio.sleep(0)
    first.cancel()
    hold.set()

    found = await asyncio.gather(*others)

    assert {one is not None for one in found} == {True}
    assert len(reader.asked) == 2


async def ignored(reader: CachedReader) -> None:
    """Read the page, whatever comes of it."""
    with suppress(StageproxyError):
        await reader.find()


async def until_asked(index: FakeIndex) -> None:
    """Wait until upstream has received a request."""
    async with asyncio.timeout(10):
        while not index.requests:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)
