"""Places for work that runs at the same time, and bounded waits for them."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class NoPlaceError(Exception):
    """All places were taken, for as long as the work could wait."""


class Places:
    """So many places; whoever finds none waits in a queue, for *seconds* at most."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self._seconds = seconds
        self._free = asyncio.Semaphore(most)
        self.users = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place during the block. Raise `NoPlaceError` if none became free in time."""
        self.users += 1
        try:
            await self._take()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self.users -= 1

    async def _take(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise NoPlaceError from error


class PlacesByKey(Generic[K]):
    """So many places for each key. Keys that nobody uses are forgotten."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self._by_key: dict[K, Places] = {}

    def __len__(self) -> int:
        """Return how many keys are in use."""
        return len(self._by_key)

    @asynccontextmanager
    async def place(self, key: K) -> AsyncIterator[None]:
        """Hold a place of a key; see `Places`."""
        places = self._by_key.setdefault(key, Places(self.most, self.seconds))
        try:
            async with places.place():
                yield
        finally:
            if not places.users:
                self._by_key.pop(key, None)
