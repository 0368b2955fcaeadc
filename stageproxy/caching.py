"""Here is work that is done once for all who want its result, and kept in bounded memory."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
"""What is made is never `None`."""


@dataclass(slots=True)
class _Flight(Generic[V]):
    """Those who want one thing: how many wait, how often it was made, and what came of it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    runs: int = 0
    result: V | None = None


class SingleFlight(Generic[K, V]):
    """Work by key, each done once for all who ask for it while it is done."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """Return what *load* returns, ours or that of somebody who was before us in the queue.

        What was done before we came is not good enough. If it fails, the next one tries.
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
    """Values in the order of their last use; the oldest go when *max_size* is passed."""

    def __init__(self, max_size: int, size_of: Callable[[V], int]) -> None:
        self._max_size = max_size
        self._size_of = size_of
        self._size = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    @property
    def size(self) -> int:
        """How much is kept."""
        return self._size

    def find(self, key: K) -> V | None:
        """Return the value of a key, if it is still there."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def add(self, key: K, value: V) -> None:
        """Keep a value, in place of what the key had; what is too large is not kept at all."""
        self.remove(key)
        if self._size_of(value) > self._max_size:
            return
        self._values[key] = value
        self._size += self._size_of(value)
        while self._size > self._max_size:
            self.remove(next(iter(self._values)))

    def remove(self, key: K) -> None:
        """Keep the value of a key no longer, if there is one."""
        if key in self._values:
            self._size -= self._size_of(self._values.pop(key))


class LoadingCache(Generic[K, V]):
    """Results by key, each made once however many ask for it."""

    def __init__(self, max_size: int, size_of: Callable[[V], int]) -> None:
        self._cache: LruCache[K, V] = LruCache(max_size, size_of)
        self._loading: SingleFlight[K, V] = SingleFlight()

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """Return what is kept, or what *load* returns."""
        value = self._cache.find(key)
        if value is not None:
            return value

        async def load_and_store() -> V:
            result = await load()
            self._cache.add(key, result)
            return result

        return await self._loading.get(key, load_and_store)
