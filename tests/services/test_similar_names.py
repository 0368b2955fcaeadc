"""Searches for existing projects whose names PyPI considers too similar."""

import asyncio
import gzip
from collections.abc import Mapping

import pytest
from packaging.utils import canonicalize_name

from stageproxy.core.index.pages import Listing
from stageproxy.services.similar_names import NameSearches, Search
from stageproxy.services.upstream_state import Published, UpstreamState
from tests.support.ports.fake_project_list import JSON, LIST, PaperList

NEW = canonicalize_name("dem0")
PACKED = {**JSON, "Content-Encoding": "gzip"}
UNKNOWN = Search(failed=True)
TOO_SLOW = "It did not answer in time."
NOT_SEARCHED = "PyPI's list of projects could not be searched for names too similar to this one."
NOT_ASKED = "PyPI could not be asked whether it has this file already."


async def searched(searches: NameSearches, seconds: float = 10) -> Search:
    """Return the result of a search for the new name."""
    return await searches.find(NEW, deadline=asyncio.get_running_loop().time() + seconds)


WAYS = {
    "JSON": (LIST, JSON),
    "packed": (gzip.compress(LIST), PACKED),
    "HTML": (b'<html><a href="demo/">Demo</a></html>', {"Content-Type": "text/html"}),
}


@pytest.mark.parametrize(("body", "headers"), WAYS.values(), ids=WAYS)
async def test_similar_name(body: bytes, headers: Mapping[str, str]) -> None:
    """A similar name is found in a list that arrives in any pieces."""
    search = await searched(NameSearches(PaperList(body, headers)))

    assert search == Search(canonicalize_name("demo"))


NO_LISTS = {
    "not there": PaperList(status=404),
    "somewhere else": PaperList(status=302),
    "of another type": PaperList(headers={"Content-Type": "text/plain"}),
    "without a type": PaperList(headers={}),
    "in an encoding that was not asked for": PaperList(headers={**JSON, "Content-Encoding": "br"}),
    "not packed, for all it says": PaperList(headers=PACKED),
    "packed and cut off": PaperList(
        gzip.compress(b'{"projects":[]}')[:-1], {**PACKED, "Content-Length": "35"}
    ),
    "cut off": PaperList(b'{"projects":[{"name":"aaa"},'),
    "a log-in page": PaperList(b"<html>Log in</html>", {"Content-Type": "text/html"}),
    "out of reach": PaperList(is_up=False),
}


@pytest.mark.parametrize("paper", NO_LISTS.values(), ids=NO_LISTS)
async def test_missing_list(paper: PaperList) -> None:
    """Without a list, the result is unknown."""
    assert await searched(NameSearches(paper)) == UNKNOWN


async def test_long_list() -> None:
    """A list that is long only when decompressed is searched to its end."""
    body = LIST.replace(b'{"name":"demo"}', b" " * 2**22 + b'{"name":"demo"}')
    paper = PaperList(gzip.compress(body), PACKED, piece=2**18)

    assert await searched(NameSearches(paper)) == Search(canonicalize_name("demo"))


async def test_slow_list() -> None:
    """A search waits for the list for a limited time."""
    async with asyncio.timeout(2):
        search = await searched(NameSearches(PaperList(stops_after=20)), seconds=0.05)

    assert search == UNKNOWN


@pytest.mark.parametrize(
    ("paper", "seconds"),
    [(PaperList(), 3600), (PaperList(b'{"projects":[]}'), 3600), (PaperList(status=500), 60)],
    ids=["another name", "none", "failed"],
)
async def test_results_are_cached(paper: PaperList, seconds: int) -> None:
    """A result is cached for an hour, a failure for a minute."""
    moments = iter([0.0, seconds - 1.0, float(seconds), 9999.0])
    searches = NameSearches(paper, now=lambda: next(moments))

    first, second = await searched(searches), await searched(searches)
    before = len(paper.asked)
    await searched(searches)

    assert first == second
    assert (before, len(paper.asked)) == (1, 2)


async def test_concurrent_searches() -> None:
    """Several files of a new project at once cause one request for the list."""
    paper = PaperList()
    searches = NameSearches(paper)

    found = await asyncio.gather(*(searched(searches) for _ in range(20)))

    assert set(found) == {Search(canonicalize_name("demo"))}
    assert paper.asked == ["simple/"]


async def test_state_of_a_new_project() -> None:
    """The state of a project that upstream lacks has the similar name."""
    paper = PaperList()

    state = await Published(paper, NameSearches(paper)).state(NEW)

    assert state == UpstreamState(Listing(is_there=False), similar="demo")
    assert paper.asked == ["simple/dem0/", "simple/"]


@pytest.mark.parametrize(
    ("stops_after", "listing", "message"),
    [(0, (None, TOO_SLOW), NOT_ASKED), (20, (Listing(is_there=False), ""), NOT_SEARCHED)],
    ids=["the page", "the list"],
)
async def test_slow_upstream(
    stops_after: int, listing: tuple[Listing | None, str], message: str
) -> None:
    """An upload waits for upstream for a limited time in total, and notes what is unknown."""
    paper = PaperList(stops_after=stops_after)

    async with asyncio.timeout(2):
        state = await Published(paper, NameSearches(paper), seconds=0.05).state(NEW)

    assert state == UpstreamState(*listing, notices=(message,))
