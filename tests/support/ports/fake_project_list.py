"""An index on paper: it has a list of projects, and says it as slowly as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from stageproxy.core.errors import UpstreamUnavailableError
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.ports import UpstreamResponse

LIST = b'{"meta":{},"projects":[{"name":"aaa"},{"name":"demo"},{"name":"zzz"}]}'
JSON = {"Content-Type": "application/vnd.pypi.simple.v1+json"}


@dataclass(slots=True)
class PaperList:
    """An index that has nothing but a list, answered as it is written here; see `ports.Index`.

    *stops_after*: how many bytes come before it says no more; *is_up*: whether it answers
    at all; *piece*: how many bytes come at once.
    """

    body: bytes = LIST
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    status: int = 200
    stops_after: int | None = None
    is_up: bool = True
    piece: int = 7
    asked: list[str] = field(default_factory=list)
    site: str = "https://index.example.org/"

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return nothing: there is no such page."""
        assert accept
        assert fresh
        self.asked.append(path)
        if self.stops_after == 0:
            await asyncio.Event().wait()
        return None

    def open(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Return the list."""
        assert "Accept" in headers
        self.asked.append(path)
        return self._answered()

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return nothing that is used: nobody is redirected here."""
        return Redirection(location, asked, is_known=False)

    @asynccontextmanager
    async def _answered(self) -> AsyncIterator[UpstreamResponse]:
        if not self.is_up:
            raise UpstreamUnavailableError("PyPI cannot be reached.")
        yield PaperAnswer(self)


@dataclass(frozen=True, slots=True)
class PaperAnswer:
    """What is written, in pieces."""

    paper: PaperList

    @property
    def status(self) -> int:
        """The status code."""
        return self.paper.status

    @property
    def headers(self) -> Mapping[str, str]:
        """All headers."""
        return self.paper.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body, piece by piece, for as long as it says anything."""
        for at in range(0, len(self.paper.body), self.paper.piece):
            if self.paper.stops_after is not None and at >= self.paper.stops_after:
                await asyncio.Event().wait()
            yield self.paper.body[at : at + self.paper.piece]
