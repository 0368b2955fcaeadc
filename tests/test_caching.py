"""Work that is done once for all who want it, and kept in bounded memory."""

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.caching import LoadingCache, LruCache, SingleFlight

T = TypeVar("T")

READERS = 100
LIMIT = 10


@dataclass(slots=True, weakref_slot=True)
class Worker:
    """Does something slowly, and counts how often; fails on demand."""

    failures: int = 0
    done: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> str:
        """Return which time it is, once the gate is open."""
        self.done += 1
        mine = self.done
        await self.gate.wait()
        if mine <= self.failures:
            raise LookupError(mine)
        return f"result {mine}"


async def at_once(worker: Worker, get: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
    """Return what a hundred readers get who all come before the first is served."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        tasks = [group.create_task(get()) for _ in range(READERS)]
        await asyncio.sleep(0)
        worker.gate.set()
    return [task.result() for task in tasks]


async def test_work_is_shared() -> None:
    """All who come while something is made get the same result (100)."""
    worker, shared = Worker(), SingleFlight[str, str]()

    results = await at_once(worker, lambda: shared.get("key", worker.work))

    assert (results, worker.done) == (["result 1"] * READERS, 1)


async def test_next_one_tries_after_a_failure() -> None:
    """A failure is its own asker's; whoever waits behind it has the work done again."""
    worker, shared = Worker(failures=1), SingleFlight[str, str]()

    async def get() -> str:
        try:
            return await shared.get("key", worker.work)
        except LookupError:
            return "failed"

    assert await at_once(worker, get) == ["failed", *["result 2"] * (READERS - 1)]


async def test_late_comers_do_not_share() -> None:
    """What was made before somebody came is not good enough for them."""
    worker, shared = Worker(), SingleFlight[str, str]()
    worker.gate.set()

    results = [await shared.get("key", worker.work) for _ in range(3)]

    assert results == ["result 1", "result 2", "result 3"]


async def test_late_comers_do_not_share_while_others_wait() -> None:
    """Not even while those are still served for whom it was made."""
    worker, shared = Worker(), SingleFlight[str, str]()

    async def twice() -> list[str]:
        return [await shared.get("key", worker.work) for _ in range(2)]

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        first = group.create_task(twice())
        second = group.create_task(shared.get("key", worker.work))
        await asyncio.sleep(0)
        worker.gate.set()

    assert (first.result(), second.result()) == (["result 1", "result 2"], "result 1")


async def test_nothing_is_held() -> None:
    """Once all are served, what was made for them belongs to them alone."""
    shared = SingleFlight[str, Worker]()

    async def make() -> Worker:
        return Worker()

    results = await asyncio.gather(*(shared.get("key", make) for _ in range(3)))
    made = weakref.ref(results.pop())
    results.clear()
    await asyncio.sleep(0)

    assert made() is None


async def test_work_goes_on_without_who_began_it() -> None:
    """If the one who does the work gives up, the next in the queue does it."""
    worker, shared = Worker(), SingleFlight[str, str]()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        first = group.create_task(shared.get("key", worker.work))
        second = group.create_task(shared.get("key", worker.work))
        await asyncio.sleep(0)

        first.cancel()
        worker.gate.set()

    assert (second.result(), worker.done) == ("result 2", 2)


async def test_keys_do_not_wait_for_one_another() -> None:
    """Work of one key does not hold up another."""
    slow, quick, shared = Worker(), Worker(), SingleFlight[str, str]()
    quick.gate.set()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(shared.get("slow", slow.work))
        await asyncio.sleep(0)

        assert await shared.get("quick", quick.work) == "result 1"
        slow.gate.set()

    assert waiting.result() == "result 1"


async def test_result_is_kept() -> None:
    """A result is made once, and there for all who come later."""
    worker = Worker()
    kept = LoadingCache[str, str](LIMIT * 100, len)
    first = await at_once(worker, lambda: kept.get("key", worker.work))

    later = await kept.get("key", worker.work)

    assert ({*first, later}, worker.done) == ({"result 1"}, 1)


async def test_too_large_results_are_shared_all_the_same() -> None:
    """What is too large to be kept is made once for all who ask at once."""
    worker, kept = Worker(), LoadingCache[str, str](0, len)

    results = await at_once(worker, lambda: kept.get("key", worker.work))

    assert (results, worker.done) == (["result 1"] * READERS, 1)


async def test_failures_are_not_kept() -> None:
    """After a failure the next one gets a result, and that is kept."""
    worker, kept = Worker(failures=1), LoadingCache[str, str](LIMIT * 100, len)
    worker.gate.set()
    with pytest.raises(LookupError):
        await kept.get("key", worker.work)

    results = [await kept.get("key", worker.work) for _ in range(2)]

    assert results == ["result 2", "result 2"]


def a_shelf(*values: str) -> LruCache[str, str]:
    """Return a shelf with some values, each under its first letter."""
    cache: LruCache[str, str] = LruCache(LIMIT, len)
    for value in values:
        cache.add(value[0], value)
    return cache


def test_oldest_go_first() -> None:
    """What was not used for the longest time makes room."""
    cache = a_shelf("aaaa", "bbbb")
    cache.find("a")

    cache.add("c", "cccc")

    assert [cache.find(key) for key in "abc"] == ["aaaa", None, "cccc"]


def test_new_value_takes_the_place_of_the_old() -> None:
    """A key has one value, and its size counts once."""
    cache = a_shelf("aaaa", "bb", "a")

    assert (cache.find("a"), cache.find("b"), cache.size) == ("a", "bb", 3)


def test_too_large_is_not_kept() -> None:
    """What is larger than the shelf throws nothing off it but what its key had."""
    cache = a_shelf("aaaa", "bb", "a" * (LIMIT + 1))

    assert (cache.find("a"), cache.find("b"), cache.size) == (None, "bb", 2)


def test_forgotten() -> None:
    """What is forgotten takes no room; to forget what is not there is no mistake."""
    cache = a_shelf("aaaa", "bb")

    cache.remove("a")
    cache.remove("x")

    assert (cache.find("a"), cache.size) == (None, 2)


STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(min_value=-2, max_value=12)))


@given(STEPS)
def test_never_more_than_allowed(steps: list[tuple[str, int]]) -> None:
    """For any use, the shelf is an ordered table of which the oldest go; its size is right."""
    cache, model = a_shelf(), OrderedDict[str, str]()
    for key, length in steps:
        if length < 0:
            assert cache.find(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
            continue
        value = "x" * length
        cache.add(key, value)
        model.pop(key, None)
        if length <= LIMIT:
            model[key] = value
        while sum(map(len, model.values())) > LIMIT:
            model.popitem(last=False)

        assert cache.size == sum(map(len, model.values())) <= LIMIT
