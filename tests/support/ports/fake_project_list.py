"""An index in memory that has a list of projects, and sends it as slowly as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.ports import StreamedDocument, UpstreamResponse

LIST = b'{"meta":{},"projects":[{"name":"aaa"},{"name":"demo"},{"name":"zzz"}]}'


@dataclass(slots=True)
class FakeProjectList:
    """An index that has nothing but a list of projects; see `ports.Index`.

    *stops_after*: how many bytes are sent before it hangs; *is_up*: whether it answers
    at all; *status*: with which status; *chunk*: how many bytes are sent at once.
    """

    body: bytes = LIST
    content_type: str = SimpleType.V1_JSON.value
    has_length: bool = False
    status: int = 200
    stops_after: int | None = None
    is_up: bool = True
    chunk: int = 7
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
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Raise: nothing is passed on."""
        raise NotImplementedError

    @asynccontextmanager
    async def stream(self, path: str, accept: str) -> AsyncIterator[StreamedDocument]:
        """Return the list."""
        assert accept
        self.asked.append(path)
        if not self.is_up:
            raise UpstreamUnavailableError("PyPI cannot be reached.")
        if self.status != 200:
            raise UpstreamFailedError(f"PyPI answers {self.status} where a document should be.")
        yield _Streamed(self)

    @property
    def space(self) -> UrlSpace:
        """Return the URLs of the index."""
        return UrlSpace(self.site, f"{self.site}simple/")

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return a redirection that no caller uses."""
        return Redirection(location, asked, is_known=False)


@dataclass(frozen=True, slots=True)
class _Streamed:
    """The list, chunk by chunk; see `ports.StreamedDocument`."""

    source: FakeProjectList

    @property
    def content_type(self) -> str:
        """The Content-Type header."""
        return self.source.content_type

    @property
    def has_length(self) -> bool:
        """Whether the length was announced."""
        return self.source.has_length

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the body, until it hangs."""
        body, stops_after = self.source.body, self.source.stops_after
        for at in range(0, len(body), self.source.chunk):
            if stops_after is not None and at >= stops_after:
                await asyncio.Event().wait()
            yield body[at : at + self.source.chunk]
