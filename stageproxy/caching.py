"""Caches of bounded size, and work that concurrent callers share."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
"""The type of the values, which are never `None`."""


@dataclass(slots=True)
class _Flight(Generic[V]):
    """The callers of one key: how many wait, how often the work ran, and its latest result."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    runs: int = 0
    result: V | None = None


class SingleFlight(Generic[K, V]):
    """Work by key that concurrent callers share."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """Return the result of *load*, or of a caller that was ahead in the queue.

        A result from before this call started does not count. If the work fails, the next
        caller tries.
        """
        flight = self._flights.setdefault(key, _Flight())
        flight.waiting += 1
        runs_before = flight.runs
        try:
            async with flight.lock:
                if flight.runs == runs_before or flight.result is None:
                    flight.result = await load()
                    flight.runs += 1
                return flight.result
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                del self._flights[key]


class LruCache(Generic[K, V]):
    """A cache that drops the least recently used values beyond *max_size*."""

    def __init__(self, max_size: int, size_of: Callable[[V], int]) -> None:
        self._max_size = max_size
        self._size_of = size_of
        self._size = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    @property
    def size(self) -> int:
        """The total size of the values."""
        return self._size

    def find(self, key: K) -> V | None:
        """Return the value of a key, or `None`."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def items(self) -> Iterable[tuple[K, V]]:
        """Return all keys and values, the least recently used first."""
        return self._values.items()

    def add(self, key: K, value: V) -> None:
        """Store a value under a key. A value that is larger than the maximum is not stored."""
        self.remove(key)
        if self._size_of(value) > self._max_size:
            return
        self._values[key] = value
        self._size += self._size_of(value)
        while self._size > self._max_size:
            self.remove(next(iter(self._values)))

    def remove(self, key: K) -> None:
        """Remove the value of a key, if there is one."""
        if key in self._values:
            self._size -= self._size_of(self._values.pop(key))


class LoadingCache(Generic[K, V]):
    """A cache that loads each value once, however many callers ask for it."""

    def __init__(self, max_size: int, size_of: Callable[[V], int]) -> None:
        self._cache: LruCache[K, V] = LruCache(max_size, size_of)
        self._loading: SingleFlight[K, V] = SingleFlight()

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """Return the cached value, or the result of *load*."""
        value = self._cache.find(key)
        if value is not None:
            return value

        async def load_and_store() -> V:
            result = await load()
            self._cache.add(key, result)
            return result

        return await self._loading.get(key, load_and_store)
