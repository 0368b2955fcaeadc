"""Here are upstream's documents, kept in bounded memory and asked about again.

Within a few seconds a document is used without asking; after that upstream is
asked whether it is still the one of its ETag. Whoever wants a document that
is being asked for already waits for that answer.
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
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.ports import StreamedDocument, UpstreamResponse
from stageproxy.upstream.index import UpstreamIndex, decoded_document, headers_for

_OVERHEAD = 1024
"""Bytes that an entry takes besides its body, roughly."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _CachedDocument:
    """What upstream answered, and when it was asked, in seconds of a clock that never jumps."""

    document: Document
    asked_at: float

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.document.body)


@dataclass(frozen=True, slots=True)
class _Found:
    """What all who wait for one answer get: a document, none, or what went wrong."""

    document: Document | None
    failure: StageproxyError | None = None


class CachedIndex:
    """The index, asked no more often than needed; see `ports.Index`."""

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
        self._entries: LruCache[Key, _CachedDocument] = LruCache(max_size, lambda kept: kept.size)
        self._asking: SingleFlight[Key, _Found] = SingleFlight()
        self._failure: StageproxyError | None = None

    @property
    def site(self) -> str:
        """Where people see upstream: its `/`, without credentials."""
        return self._index.site

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._entries.size

    @property
    def failure(self) -> StageproxyError | None:
        """What was wrong with upstream's last answer, if something was."""
        return self._failure

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return a whole document; nothing if upstream has none at that path."""
        key = (path, accept)
        kept = self._entries.find(key)
        if kept and not fresh and kept.asked_at > self._now() - self._fresh_for:
            self._report("kept", 0.0)
            return kept.document
        found = await self._asking.get(key, partial(self._ask, key))
        if found.failure is not None:
            # Many may wait for it, and each raises its own.
            raise copy(found.failure)
        return found.document

    @asynccontextmanager
    async def open(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[UpstreamResponse]:
        """Ask upstream for what is not kept."""
        async with AsyncExitStack() as stack:
            try:
                opened = self._index.open(path, headers)
                answer = await stack.enter_async_context(opened)
            except StageproxyError as failure:
                self._failure = failure
                raise
            self._failure = _failure_in(answer)
            yield answer

    @asynccontextmanager
    async def stream(self, path: str, accept: str) -> AsyncIterator[StreamedDocument]:
        """Open a document that is too long to be read whole, and to be cached."""
        async with self.open(path, headers_for(accept)) as answer:
            yield decoded_document(answer)

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return where a redirect leads that upstream answered to the path *asked*."""
        return self._index.resolve(location, asked)

    async def _ask(self, key: Key) -> _Found:
        kept = self._entries.find(key)
        known = kept.document if kept else None
        asked_at = self._now()
        try:
            document = await self._index.fetch(*key, known)
        except StageproxyError as failure:
            # A copy has no traceback, which would hold what came in so far.
            self._failure = copy(failure)
            self._report(failure.kind.value, self._now() - asked_at)
            return _Found(None, self._failure)
        self._failure = None
        self._report(_outcome(document, known), self._now() - asked_at)
        if document is None:
            # That there is none is not kept for those who come later.
            self._entries.remove(key)
        else:
            self._entries.add(key, _CachedDocument(document, asked_at))
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
