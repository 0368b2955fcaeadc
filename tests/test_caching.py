"""Shared work, and caches of bounded size."""

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
    """Work that waits for a gate, counts its calls, and fails the first times on demand."""

    failures: int = 0
    done: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> str:
        """Return the number of the call once the gate is open."""
        self.done += 1
        mine = self.done
        await self.gate.wait()
        if mine <= self.failures:
            raise LookupError(mine)
        return f"result {mine}"


async def at_once(worker: Worker, get: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of a hundred readers that all wait for the first result."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        tasks = [group.create_task(get()) for _ in range(READERS)]
        await asyncio.sleep(0)
        worker.gate.set()
    return [task.result() for task in tasks]


async def test_work_is_shared() -> None:
    """Concurrent callers get the same result."""
    worker, shared = Worker(), SingleFlight[str, str]()

    results = await at_once(worker, lambda: shared.get("key", worker.work))

    assert (results, worker.done) == (["result 1"] * READERS, 1)


async def test_work_is_retried_after_a_failure() -> None:
    """Only the first caller gets its failure; the next one does the work again."""
    worker, shared = Worker(failures=1), SingleFlight[str, str]()

    async def get() -> str:
        try:
            return await shared.get("key", worker.work)
        except LookupError:
            return "failed"

    assert await at_once(worker, get) == ["failed", *["result 2"] * (READERS - 1)]


async def test_later_callers_do_not_share() -> None:
    """A later caller does not get an earlier result."""
    worker, shared = Worker(), SingleFlight[str, str]()
    worker.gate.set()

    results = [await shared.get("key", worker.work) for _ in range(3)]

    assert results == ["result 1", "result 2", "result 3"]


async def test_later_callers_do_not_share_while_others_wait() -> None:
    """A later caller does not get it either while earlier callers are still served."""
    worker, shared = Worker(), SingleFlight[str, str]()

    async def twice() -> list[str]:
        return [await shared.get("key", worker.work) for _ in range(2)]

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        first = group.create_task(twice())
        second = group.create_task(shared.get("key", worker.work))
        await asyncio.sleep(0)
        worker.gate.set()

    assert (first.result(), second.result()) == (["result 1", "result 2"], "result 1")


async def test_results_are_released() -> None:
    """A result is not referenced any more once all callers have it."""
    shared = SingleFlight[str, Worker]()

    async def make() -> Worker:
        return Worker()

    results = await asyncio.gather(*(shared.get("key", make) for _ in range(3)))
    made = weakref.ref(results.pop())
    results.clear()
    await asyncio.sleep(0)

    assert made() is None


async def test_canceled_work_is_taken_over() -> None:
    """If the caller that does the work is canceled, the next one does it."""
    worker, shared = Worker(), SingleFlight[str, str]()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        first = group.create_task(shared.get("key", worker.work))
        second = group.create_task(shared.get("key", worker.work))
        await asyncio.sleep(0)

        first.cancel()
        worker.gate.set()

    assert (second.result(), worker.done) == ("result 2", 2)


async def test_keys_are_independent() -> None:
    """Work for one key does not delay another key."""
    slow, quick, shared = Worker(), Worker(), SingleFlight[str, str]()
    quick.gate.set()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(shared.get("slow", slow.work))
        await asyncio.sleep(0)

        assert await shared.get("quick", quick.work) == "result 1"
        slow.gate.set()

    assert waiting.result() == "result 1"


async def test_result_is_cached() -> None:
    """A result is loaded once and cached."""
    worker = Worker()
    cache = LoadingCache[str, str](LIMIT * 100, len)
    first = await at_once(worker, lambda: cache.get("key", worker.work))

    later = await cache.get("key", worker.work)

    assert ({*first, later}, worker.done) == ({"result 1"}, 1)


async def test_too_large_results_are_shared() -> None:
    """A result that is too large to cache is still shared by concurrent callers."""
    worker, cache = Worker(), LoadingCache[str, str](0, len)

    results = await at_once(worker, lambda: cache.get("key", worker.work))

    assert (results, worker.done) == (["result 1"] * READERS, 1)


async def test_failures_are_not_cached() -> None:
    """A failure is not cached, and the next result is."""
    worker, cache = Worker(failures=1), LoadingCache[str, str](LIMIT * 100, len)
    worker.gate.set()
    with pytest.raises(LookupError):
        await cache.get("key", worker.work)

    results = [await cache.get("key", worker.work) for _ in range(2)]

    assert results == ["result 2", "result 2"]


def a_cache(*values: str) -> LruCache[str, str]:
    """Return a cache with some values, each under its first letter."""
    cache: LruCache[str, str] = LruCache(LIMIT, len)
    for value in values:
        cache.add(value[0], value)
    return cache


def test_oldest_is_evicted_first() -> None:
    """The least recently used value is evicted first."""
    cache = a_cache("aaaa", "bbbb")
    cache.find("a")

    cache.add("c", "cccc")

    assert [cache.find(key) for key in "abc"] == ["aaaa", None, "cccc"]


def test_new_value_replaces_the_old() -> None:
    """A new value replaces the old one, and the size counts it once."""
    cache = a_cache("aaaa", "bb", "a")

    assert (cache.find("a"), cache.find("b"), cache.size) == ("a", "bb", 3)


def test_too_large_is_not_cached() -> None:
    """A value larger than the cache evicts only the old value of its key."""
    cache = a_cache("aaaa", "bb", "a" * (LIMIT + 1))

    assert (cache.find("a"), cache.find("b"), cache.size) == (None, "bb", 2)


def test_removed() -> None:
    """A removed value takes no room, and removing an unknown key does nothing."""
    cache = a_cache("aaaa", "bb")

    cache.remove("a")
    cache.remove("x")

    assert (cache.find("a"), cache.size) == (None, 2)


STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(min_value=-2, max_value=12)))


@given(STEPS)
def test_size_is_limited(steps: list[tuple[str, int]]) -> None:
    """For any steps, the cache equals a model that evicts the oldest, within its limit."""
    cache, model = a_cache(), OrderedDict[str, str]()
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
