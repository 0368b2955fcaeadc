"""The cache of upstream's documents, in bounded memory.

A document is fresh for a few seconds. After that it is revalidated by its ETag.
Concurrent requests for the same document share one request to upstream.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from stageproxy.caching import LruCache, SingleFlight
from stageproxy.core.errors import StageproxyError, UpstreamFailedError
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.ports import StreamedDocument, UpstreamResponse
from stageproxy.upstream.index import UpstreamIndex, headers_for
from stageproxy.upstream.responses import decoded_document

_OVERHEAD = 1024
"""The approximate size of an entry in bytes without its body."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _CachedDocument:
    """A document, and when it was requested, in seconds of a monotonic clock."""

    document: Document
    requested_at: float

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.document.body)


@dataclass(frozen=True, slots=True)
class _Found:
    """The result of a shared request: a document, none, or a failure."""

    document: Document | None
    failure: StageproxyError | None = None


class CachedIndex:
    """The index with a cache; see `ports.Index`."""

    def __init__(
        self,
        index: UpstreamIndex,
        *,
        fresh_for: timedelta,
        max_size: int,
        report: Callable[[str, float], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._fresh_for = fresh_for.total_seconds()
        self._report = report
        self._now = now
        self._entries: LruCache[Key, _CachedDocument] = LruCache(max_size, lambda entry: entry.size)
        self._requests: SingleFlight[Key, _Found] = SingleFlight()
        self._failure: StageproxyError | None = None

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
        return self._entries.size

    @property
    def failure(self) -> StageproxyError | None:
        """The failure of the last request to upstream, `None` if it succeeded."""
        return self._failure

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return a whole document, `None` if upstream has none at that path."""
        key = (path, accept)
        cached = self._entries.find(key)
        if cached and not fresh and cached.requested_at > self._now() - self._fresh_for:
            self._report("kept", 0.0)
            return cached.document
        found = await self._requests.get(key, partial(self._revalidate, key))
        if found.failure is not None:
            # Each of the waiting callers raises its own copy.
            raise copy(found.failure)
        return found.document

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
                self._failure = failure
                raise
            self._failure = _failure_in(answer)
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
        cached = self._entries.find(key)
        known = cached.document if cached else None
        requested_at = self._now()
        try:
            document = await self._index.fetch(*key, known)
        except StageproxyError as failure:
            # A copy has no traceback, which would hold references to received bytes.
            self._failure = copy(failure)
            self._report(failure.kind.value, self._now() - requested_at)
            return _Found(None, self._failure)
        self._failure = None
        self._report(_outcome(document, known), self._now() - requested_at)
        if document is None:
            # A missing document is not cached.
            self._entries.remove(key)
        else:
            self._entries.add(key, _CachedDocument(document, requested_at))
        return _Found(document)


def _outcome(document: Document | None, known: Document | None) -> str:
    if document is None:
        return "missing"
    is_same = known is not None and document.body is known.body
    return "not-modified" if is_same else "fetched"


def _failure_in(answer: UpstreamResponse) -> StageproxyError | None:
    if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    return UpstreamFailedError(f"PyPI answered {answer.status}.")
