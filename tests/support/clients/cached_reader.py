"""A reader of upstream through the cache."""

from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import ClientSession

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document
from stageproxy.places import Places
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.circuits import Circuits
from stageproxy.upstream.copies import Copies, CopyLimits
from stageproxy.upstream.health import UpstreamHealth
from stageproxy.upstream.index import IndexLimits, IndexPolicy, UpstreamIndex
from stageproxy.upstream.pip_index import urls_of
from stageproxy.upstream.traffic import Traffic
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.clock import FakeClock

FRESH_FOR = 5
READERS = 100
LONGEST = 2**20
PATH = "simple/demo/"
JSON = SimpleType.V1_JSON.value


@dataclass(slots=True)
class CachedReader:
    """Reads a fake index, with its own clocks: for previews, and for decisions."""

    index: FakeIndex
    session: ClientSession
    seconds: float = 1000.0
    outcomes: list[str] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    traffic: Traffic = field(init=False)
    cached: CachedIndex = field(init=False)
    deciding: CachedIndex = field(init=False)

    def __post_init__(self) -> None:
        self.read_from(self.index.url)

    def read_from(
        self, url: str, *, pages: int = READERS, streams: int = READERS, seconds: float = 10
    ) -> None:
        """Read from a URL from now on, with places for which a request waits some *seconds*."""
        self.traffic = Traffic(
            Places(pages, seconds), Places(streams, seconds), Circuits(now=lambda: self.seconds)
        )
        limits = CopyLimits(timedelta(seconds=FRESH_FOR), timedelta(hours=24), LONGEST)
        copies = Copies(limits, now=lambda: self.seconds)
        health = UpstreamHealth(self.clock)
        self.cached, self.deciding = (
            CachedIndex(
                UpstreamIndex(
                    self.session,
                    urls_of(url),
                    IndexPolicy(),
                    IndexLimits(timedelta(seconds=10), LONGEST),
                    traffic,
                ),
                copies,
                health,
                report=lambda outcome, _: self.outcomes.append(outcome),
            )
            for traffic in (self.traffic, self.traffic.for_decisions())
        )

    async def find(
        self, path: str = PATH, accept: str = JSON, *, fresh: bool = False
    ) -> Document | None:
        """Return a document, or `None` if there is none."""
        return await self.cached.find(path, accept, fresh=fresh)

    async def body(self, path: str = PATH, *, fresh: bool = False) -> bytes:
        """Return the body of an existing document."""
        found = await self.find(path, fresh=fresh)
        assert found is not None
        return found.body

    async def failure(self) -> StageproxyError | None:
        """Return the error of reading, if there is one."""
        try:
            await self.find()
        except StageproxyError as error:
            return error
        return None

    @property
    def asked(self) -> list[str | None]:
        """Return the validator of each request to upstream."""
        return [one.headers.get("If-None-Match") for one in self.index.requests]
