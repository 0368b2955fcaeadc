"""The cache of upstream's pages of other projects: as they were sent, and in bounded memory.

All stages share the pages. What a stage changes on one is made of it later, and kept elsewhere.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from stageproxy.caching import LruCache, SingleFlight
from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.other_pages import (
    OtherPage,
    has_to_be_asked_for,
    is_page,
    judged,
    may_be_kept,
    plain_body,
)
from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.staleness import Freshness
from stageproxy.core.index.validators import validators_of
from stageproxy.ports import AskedPage, UpstreamResponse
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.copies import CopyLimits
from stageproxy.upstream.responses import (
    check_is_whole,
    is_read_at_once,
    received_whole,
    refreshed,
)

_OVERHEAD = 1024
"""The approximate size of a page in bytes without its body."""
_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_CONDITIONS = ("If-None-Match", "If-Modified-Since")

_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """The result of a shared request: a page, another response, or a failure."""

    page: OtherPage | None = None
    failure: StageproxyError | None = None


class OtherPageCache:
    """The pages of other projects; see `ports.OtherPages`.

    *longest*: how long a page may be. *now* returns the seconds of a monotonic clock.
    """

    def __init__(
        self,
        index: CachedIndex,
        limits: CopyLimits,
        longest: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._fresh_for = limits.fresh_for.total_seconds()
        self._longest = longest
        self._now = now
        self.changes = 0
        """How often a page was replaced by another one, or upstream no longer had it."""
        self._kept: LruCache[_Key, OtherPage] = LruCache(
            limits.max_size, lambda page: page.size + _OVERHEAD
        )
        self._requests: SingleFlight[_Key, _Found] = SingleFlight()

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._kept.size

    def find(self, asked: AskedPage) -> OtherPage | None:
        """Return a page that is used without a request."""
        if asked.freshness is not Freshness.ANY or asked.is_part:
            return None
        page = self._kept.find(_key(asked))
        return page if page and self._now() < page.sent.fresh_until else None

    @asynccontextmanager
    async def open(self, asked: AskedPage) -> AsyncIterator[OtherPage | UpstreamResponse]:
        """Request a page that `find` did not return. Concurrent readers share the request."""
        responses: list[UpstreamResponse] = []
        async with AsyncExitStack() as stack:
            fetch = partial(self._fetch, asked, stack, responses)
            found = await self._requests.get(_key_of_request(asked), fetch)
            if found.failure is not None:
                # Each of the waiting callers raises its own copy.
                raise copy(found.failure)
            if found.page is not None:
                yield found.page
            elif responses:
                yield responses[0]
            else:
                # The response belongs to another reader.
                yield await stack.enter_async_context(self._index.open(asked.path, asked.headers))

    async def _fetch(
        self, asked: AskedPage, stack: AsyncExitStack, responses: list[UpstreamResponse]
    ) -> _Found:
        """Request a page. A response that is none stays open, on the *stack*."""
        known = None if asked.is_part else self._kept.find(_key(asked))
        requested_at = self._now()
        try:
            opened = self._index.open(asked.path, _headers(asked, known))
            response = await stack.enter_async_context(opened)
            page = await self._page_in(response, asked, known)
        except StageproxyError as failure:
            # A copy has no traceback, which would hold references to received bytes.
            return _Found(failure=copy(failure))
        if page is None:
            self._forget_missing(asked, response)
            responses.append(response)
            return _Found()
        await stack.aclose()
        return _Found(self._keep(asked, page, requested_at))

    async def _page_in(
        self, response: UpstreamResponse, asked: AskedPage, known: OtherPage | None
    ) -> OtherPage | None:
        if known is not None and response.status == HTTPStatus.NOT_MODIFIED:
            headers = refreshed(known.sent.headers, response.headers)
            return replace(known, sent=replace(known.sent, headers=headers))
        if not is_page(response.status, response.headers):
            return None
        chunks = await received_whole(response.chunks(), self._longest)
        url = self._index.space.url_of(asked.path.partition("?")[0])
        read = partial(self._read, chunks, response.headers, url)
        encoding = response.headers.get("Content-Encoding", "")
        return read() if is_read_at_once(chunks, encoding) else await asyncio.to_thread(read)

    def _read(self, chunks: list[bytes], headers: Mapping[str, str], url: str) -> OtherPage:
        body = b"".join(chunks)
        sent = Document(body, digest_of(body), headers.get("Content-Type", ""), url, headers)
        plain = plain_body(sent, self._longest)
        check_is_whole(sent, plain)
        return judged(sent, plain, self._index.space)

    def _keep(self, asked: AskedPage, page: OtherPage, requested_at: float) -> OtherPage:
        headers = page.sent.headers
        if asked.is_part or not may_be_kept(headers):
            return page
        fresh_until = 0.0 if has_to_be_asked_for(headers) else requested_at + self._fresh_for
        page = replace(page, sent=replace(page.sent, fresh_until=fresh_until))
        known = self._kept.find(_key(asked))
        self.changes += known is not None and known.sent.digest != page.sent.digest
        self._kept.add(_key(asked), page)
        return page

    def _forget_missing(self, asked: AskedPage, response: UpstreamResponse) -> None:
        """Forget a page that upstream no longer has."""
        key = _key(asked)
        if response.status in _MISSING and self._kept.find(key) is not None:
            self._kept.remove(key)
            self.changes += 1


def _key(asked: AskedPage) -> _Key:
    headers = asked.headers
    return asked.path, headers.get("Accept", ""), headers.get("Accept-Encoding", "")


def _key_of_request(asked: AskedPage) -> _Key:
    others = (asked.headers.get(name, "") for name in (*_CONDITIONS, "Range", "If-Range"))
    return *_key(asked), *others


def _headers(asked: AskedPage, known: OtherPage | None) -> Mapping[str, str]:
    """Return the headers of a request: with the validators of the page that is known, if any."""
    if known is None:
        return asked.headers
    others = {name: one for name, one in asked.headers.items() if name not in _CONDITIONS}
    return {**others, **validators_of(known.sent.headers)}
