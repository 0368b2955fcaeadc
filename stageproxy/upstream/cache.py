"""The cache of upstream's documents, in bounded memory.

A document is fresh for a few seconds. After that it is revalidated by its ETag.
Concurrent requests for the same document share one request to upstream. While upstream
fails, previews are shown the copies that are kept.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

from stageproxy.caching import SingleFlight
from stageproxy.core.errors import (
    StageproxyError,
    UpstreamFailedError,
    UpstreamSlowError,
    UpstreamUnavailableError,
)
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.index.staleness import Freshness, Outage
from stageproxy.ports import StreamedDocument, UpstreamResponse
from stageproxy.upstream.copies import Copies, Key
from stageproxy.upstream.health import UpstreamHealth
from stageproxy.upstream.index import UpstreamIndex, headers_for
from stageproxy.upstream.responses import decoded_document


@dataclass(frozen=True, slots=True)
class _Found:
    """The result of a shared request: a document, none, or a failure."""

    document: Document | None
    failure: StageproxyError | None = None


class CachedIndex:
    """The index with a cache; see `ports.PreviewedIndex`.

    *copies* and *health* may be shared with another index of the same upstream. *report*
    is called with the outcome of each look-up, and its seconds.
    """

    def __init__(
        self,
        index: UpstreamIndex,
        copies: Copies,
        health: UpstreamHealth,
        report: Callable[[str, float], None] = lambda *_: None,
    ) -> None:
        self._index = index
        self._copies = copies
        self._health = health
        self._report = report
        self._requests: SingleFlight[Key, _Found] = SingleFlight()

    @property
    def site(self) -> str:
        """The URL of upstream's root for people, without credentials."""
        return self._index.site

    @property
    def space(self) -> UrlSpace:
        """Upstream's URLs, and the paths below a stage that stand for them."""
        return self._index.space

    @property
    def size(self) -> int:
        """How many bytes are cached."""
        return self._copies.size

    @property
    def changes(self) -> int:
        """How often a cached document has changed."""
        return self._copies.changes

    @property
    def outage(self) -> Outage | None:
        """The outage of upstream, `None` if its last answer was one."""
        return self._health.outage

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return a whole document, `None` if upstream has none at that path."""
        key = (path, accept)
        cached = None if fresh else self._copies.find_fresh(key)
        if cached is not None:
            self._report("kept", 0.0)
            return cached
        found = await self._requests.get(key, partial(self._revalidate, key))
        if found.failure is not None:
            # Each of the waiting callers raises its own copy.
            raise copy(found.failure)
        return found.document

    async def find_to_show(self, path: str, accept: str, freshness: Freshness) -> Document | None:
        """Return a document for a preview; see `ports.PreviewedIndex`."""
        try:
            return await self.find(path, accept, fresh=freshness is not Freshness.ANY)
        except (UpstreamUnavailableError, UpstreamSlowError):
            stale = (
                None if freshness is Freshness.CURRENT else self._copies.find_stale((path, accept))
            )
            if stale is None:
                raise
        self._report("stale", 0.0)
        return stale

    def copied_at(self, path: str) -> datetime | None:
        """Return the time of the oldest copy of a path that can be shown now."""
        age = self._copies.age_of(path)
        return None if age is None else self._health.clock.now() - timedelta(seconds=age)

    @asynccontextmanager
    async def open(
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AsyncIterator[UpstreamResponse]:
        """Open a response of upstream that is not cached."""
        async with AsyncExitStack() as stack:
            try:
                opened = self._index.open(path, headers, only_headers=only_headers)
                answer = await stack.enter_async_context(opened)
            except StageproxyError as failure:
                self._health.failed(failure)
                raise
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                self._health.answered()
            else:
                self._health.failed(UpstreamFailedError(f"PyPI answered {answer.status}."))
            yield answer

    @asynccontextmanager
    async def stream(self, path: str, accept: str) -> AsyncIterator[StreamedDocument]:
        """Open a document that is too long to be read as a whole and cached."""
        async with self.open(path, headers_for(accept)) as answer:
            yield decoded_document(answer)

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return the target of upstream's redirect from the path *asked*."""
        return self._index.resolve(location, asked)

    async def _revalidate(self, key: Key) -> _Found:
        known = self._copies.find(key)
        requested_at = self._copies.now()
        try:
            document = await self._index.fetch(*key, known)
        except StageproxyError as failure:
            self._health.failed(failure)
            self._report(failure.kind.value, self._copies.now() - requested_at)
            # A copy has no traceback, which would hold references to received bytes.
            return _Found(None, copy(failure))
        self._health.answered()
        self._report(_outcome(document, known), self._copies.now() - requested_at)
        if document is None:
            # A missing document is not cached.
            self._copies.remove(key)
        else:
            document = self._copies.add(key, document, requested_at)
        return _Found(document)


def _outcome(document: Document | None, known: Document | None) -> str:
    if document is None:
        return "missing"
    is_same = known is not None and document.body is known.body
    return "not-modified" if is_same else "fetched"
