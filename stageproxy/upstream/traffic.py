"""What the requests to an index share: places, circuits, and the budget for retries.

Each purpose has places of its own, so that readers who take their time with files hold up neither
pages nor the verdict on an upload.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

from yarl import URL

from stageproxy.core.errors import UpstreamUnavailableError
from stageproxy.core.retries import RetryBudget
from stageproxy.places import NoPlaceError, Places
from stageproxy.upstream.circuits import Circuits, Trip

_MOST_PAGES = 32
_MOST_STREAMS = 128
_MOST_DECISIONS = 16
_SECONDS = 5
"""How long a request waits for a place: as long as the verdict on an upload waits for upstream."""


class BusyError(UpstreamUnavailableError):
    """All places for requests to upstream are taken."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests to one index. If it `always_asks`, an open circuit stops none of them."""

    pages: Places = field(default_factory=lambda: Places(_MOST_PAGES, _SECONDS))
    streams: Places = field(default_factory=lambda: Places(_MOST_STREAMS, _SECONDS))
    circuits: Circuits = field(default_factory=Circuits)
    budget: RetryBudget = field(default_factory=RetryBudget)
    always_asks: bool = False

    def for_decisions(self) -> "Traffic":
        """Return the traffic of what decides: verdicts on uploads, and promotions.

        It has its own places, and asks whatever the circuits are: an answer refuses a
        file, and its absence only makes the verdict unknown.
        """
        places = Places(_MOST_DECISIONS, _SECONDS)
        return replace(self, pages=places, streams=places, always_asks=True)

    def page(self) -> AbstractAsyncContextManager[None]:
        """Hold a place for a whole document. Raise `BusyError` if there is none in time."""
        return _place(self.pages, "pages")

    def stream(self) -> AbstractAsyncContextManager[None]:
        """Hold a place for a response that is passed on as it arrives."""
        return _place(self.streams, "files and other documents")

    def trip(self, url: URL) -> AbstractContextManager[Trip]:
        """Begin a request; see `Circuits.trip`."""
        return self.circuits.trip(url, always=self.always_asks)


@asynccontextmanager
async def _place(places: Places, purpose: str) -> AsyncIterator[None]:
    try:
        async with places.place():
            yield
    except NoPlaceError as error:
        raise BusyError(
            f"This server already has {places.most} requests for {purpose} of PyPI running, as "
            "many as it may. Try again in a moment."
        ) from error
