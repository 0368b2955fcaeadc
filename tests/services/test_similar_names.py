"""Searches for existing projects whose names PyPI considers too similar."""

import asyncio

import pytest
from packaging.utils import canonicalize_name

from stageproxy.core.index.pages import Listing
from stageproxy.services.similar_names import NameSearches, Search
from stageproxy.services.upstream_state import UpstreamReader, UpstreamState
from tests.support.ports.fake_project_list import LIST, FakeProjectList

NEW = canonicalize_name("dem0")
UNKNOWN = Search(failed=True)
TOO_SLOW = "It did not answer in time."
NOT_SEARCHED = "PyPI's list of projects could not be searched for similar names."
NOT_ASKED = "No answer from PyPI: it may already have this file."


async def searched(searches: NameSearches, seconds: float = 10) -> Search:
    """Return the result of a search for the new name."""
    return await searches.find(NEW, deadline=asyncio.get_running_loop().time() + seconds)


LISTS = {
    "JSON": FakeProjectList(),
    "HTML": FakeProjectList(b'<html><a href="demo/">Demo</a></html>', "text/html"),
}


@pytest.mark.parametrize("index", LISTS.values(), ids=LISTS)
async def test_similar_name(index: FakeProjectList) -> None:
    """A similar name is found in each type of list, in any chunks."""
    search = await searched(NameSearches(index))

    assert search == Search(canonicalize_name("demo"))


NO_LISTS = {
    "not there": FakeProjectList(status=404),
    "somewhere else": FakeProjectList(status=302),
    "of another type": FakeProjectList(content_type="text/plain"),
    "without a type": FakeProjectList(content_type=""),
    "cut off": FakeProjectList(b'{"projects":[{"name":"aaa"},'),
    "a log-in page": FakeProjectList(b"<html>Log in</html>", "text/html"),
    "out of reach": FakeProjectList(is_up=False),
}


@pytest.mark.parametrize("index", NO_LISTS.values(), ids=NO_LISTS)
async def test_missing_list(index: FakeProjectList) -> None:
    """Without a list, the result is unknown."""
    assert await searched(NameSearches(index)) == UNKNOWN


async def test_long_list() -> None:
    """A long list is searched to its end."""
    body = LIST.replace(b'{"name":"demo"}', b" " * 2**22 + b'{"name":"demo"}')
    index = FakeProjectList(body, chunk=2**18)

    assert await searched(NameSearches(index)) == Search(canonicalize_name("demo"))


async def test_slow_list() -> None:
    """A search waits for the list for a limited time."""
    search = await searched(NameSearches(FakeProjectList(stops_after=20)), seconds=0.05)

    assert search == UNKNOWN


@pytest.mark.parametrize(
    ("index", "seconds"),
    [
        (FakeProjectList(), 3600),
        (FakeProjectList(b'{"projects":[]}'), 3600),
        (FakeProjectList(status=500), 60),
    ],
    ids=["another name", "none", "failed"],
)
async def test_results_are_cached(index: FakeProjectList, seconds: int) -> None:
    """A result is cached for an hour, a failure for a minute."""
    moments = iter([0.0, seconds - 1.0, float(seconds), 9999.0])
    searches = NameSearches(index, now=lambda: next(moments))

    first, second = await searched(searches), await searched(searches)
    before = len(index.asked)
    await searched(searches)

    assert first == second
    assert (before, len(index.asked)) == (1, 2)


async def test_concurrent_searches() -> None:
    """Several files of a new project at once cause one request for the list."""
    index = FakeProjectList()
    searches = NameSearches(index)

    found = await asyncio.gather(*(searched(searches) for _ in range(20)))

    assert set(found) == {Search(canonicalize_name("demo"))}
    assert index.asked == ["simple/"]


async def test_state_of_a_new_project() -> None:
    """The state of a project that upstream lacks has the similar name."""
    index = FakeProjectList()

    state = await UpstreamReader(index, NameSearches(index)).state(NEW)

    assert state == UpstreamState(Listing(is_there=False), similar="demo")
    assert index.asked == ["simple/dem0/", "simple/"]


@pytest.mark.parametrize(
    ("stops_after", "listing", "message"),
    [(0, (None, TOO_SLOW), NOT_ASKED), (20, (Listing(is_there=False), ""), NOT_SEARCHED)],
    ids=["the page", "the list"],
)
async def test_slow_upstream(
    stops_after: int, listing: tuple[Listing | None, str], message: str
) -> None:
    """An upload waits for upstream for a limited time in total, and notes what is unknown."""
    index = FakeProjectList(stops_after=stops_after)

    state = await UpstreamReader(index, NameSearches(index), seconds=0.5).state(NEW)

    assert state == UpstreamState(*listing, notices=(message,))
