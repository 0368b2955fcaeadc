"""Streams of events about promotions: how many there are, and how they end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from stageproxy.core.errors import TooManyError
from stageproxy.places import NoPlaceError, Places, PlacesByKey

_MOST = 200
_MOST_OF_HOLDER = 20
_WAIT_SECONDS = 1.0


class TooManyWatchersError(TooManyError):
    """Too many pages watch promotions."""

    retry_after = "10"

    def __init__(self) -> None:
        super().__init__(
            "Too many pages watch how releases are published. Close some, or reload this one."
        )


@dataclass(frozen=True, slots=True)
class ProgressStreams:
    """How many streams there may be, in all and of one holder of sessions, and how they go on.

    The state is looked at every *poll* seconds; a stream that had nothing to say for *heartbeat*
    seconds says so, and one ends after *longest* seconds: the browser opens it again. All end
    when the server is *leaving*.
    """

    poll: float = 1.0
    heartbeat: float = 15.0
    longest: float = 600.0
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    in_all: Places = field(default_factory=lambda: Places(_MOST, _WAIT_SECONDS))
    of_holder: PlacesByKey[str] = field(
        default_factory=lambda: PlacesByKey(_MOST_OF_HOLDER, _WAIT_SECONDS)
    )

    @asynccontextmanager
    async def place(self, holder: str) -> AsyncIterator[None]:
        """Hold a place for a stream during the block. Raise if there is none."""
        try:
            async with self.of_holder.place(holder), self.in_all.place():
                yield
        except NoPlaceError as error:
            raise TooManyWatchersError from error

    async def ticks(self) -> AsyncIterator[bool]:
        """Yield when to look at the state; each time, whether a heartbeat is due anyway."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.longest
        silent_since = loop.time()
        while not self.leaving.is_set() and loop.time() < end:
            is_due = loop.time() - silent_since >= self.heartbeat
            silent_since = loop.time() if is_due else silent_since
            yield is_due
            with suppress(TimeoutError):
                async with asyncio.timeout(self.poll):
                    await self.leaving.wait()
