"""A reader of upstream through the cache."""

from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import ClientSession

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.index import IndexPolicy, UpstreamIndex
from stageproxy.upstream.pip_index import urls_of
from tests.support.index.fake_index import FakeIndex

FRESH_FOR = 5
LONGEST = 2**20
PATH = "simple/demo/"
JSON = SimpleType.V1_JSON.value


@dataclass(slots=True)
class CachedReader:
    """Reads a fake index, with its own clock."""

    index: FakeIndex
    session: ClientSession
    seconds: float = 1000.0
    outcomes: list[str] = field(default_factory=list)
    cached: CachedIndex = field(init=False)

    def __post_init__(self) -> None:
        self.read_from(self.index.url)

    def read_from(self, url: str) -> None:
        """Read from another URL from now on."""
        upstream = UpstreamIndex(
            self.session,
            urls_of(url),
            IndexPolicy(),
            total_timeout=timedelta(seconds=10),
            max_page_size=LONGEST,
        )
        self.cached = CachedIndex(
            upstream,
            fresh_for=timedelta(seconds=FRESH_FOR),
            max_size=LONGEST,
            report=lambda outcome, _: self.outcomes.append(outcome),
            now=lambda: self.seconds,
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
