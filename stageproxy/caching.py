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
class _Queue(Generic[V]):
    """Those who want one thing: how many wait, how often it was made, and what came of it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    times: int = 0
    made: V | None = None


class SingleFlight(Generic[K, V]):
    """Work by key, each done once for all who ask for it while it is done."""

    def __init__(self) -> None:
        self._queues: dict[K, _Queue[V]] = {}

    async def get(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """Return what *make* returns, ours or that of somebody who was before us in the queue.

        What was done before we came is not good enough. If it fails, the next one tries.
        """
        queue = self._queues.setdefault(key, _Queue())
        queue.waiting += 1
        seen = queue.times
        try:
            async with queue.lock:
                if queue.times == seen or queue.made is None:
                    queue.made = await make()
                    queue.times += 1
                return queue.made
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                del self._queues[key]


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
        self._making: SingleFlight[K, V] = SingleFlight()

    async def get(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        """Return what is kept, or what *make* returns."""
        value = self._cache.find(key)
        if value is not None:
            return value

        async def make_and_keep() -> V:
            made = await make()
            self._cache.add(key, made)
            return made

        return await self._making.get(key, make_and_keep)
