"""Searches of upstream's list of projects for a name that PyPI treats as the same."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from packaging.utils import NormalizedName

from stageproxy.caching import LruCache, SingleFlight
from stageproxy.core.errors import StageproxyError, UpstreamFailedError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType, simple_type_of
from stageproxy.core.index.project_list import UnreadableListError
from stageproxy.core.index.similar_names import SimilarNames
from stageproxy.ports import Index

log = logging.getLogger(__name__)

_LIST = "simple/"
_MOST_CACHED = 1000
_CACHE_SECONDS = 3600
_CACHE_SECONDS_OF_FAILURE = 60


@dataclass(frozen=True, slots=True)
class Search:
    """The result of a search: another project, or none. `failed`: the list could not be read."""

    other: NormalizedName | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _CachedSearch:
    search: Search
    until: float


@dataclass(frozen=True, slots=True)
class NameSearches:
    """Searches upstream's list of projects: once an hour for each name, and in bounded time."""

    index: Index
    now: Callable[[], float] = time.monotonic
    _cached: LruCache[NormalizedName, _CachedSearch] = field(
        default_factory=lambda: LruCache(_MOST_CACHED, lambda _: 1), repr=False
    )
    _running: SingleFlight[NormalizedName, Search] = field(default_factory=SingleFlight, repr=False)

    async def find(self, project: NormalizedName, *, deadline: float) -> Search:
        """Return the result for a name: cached, or of a search that ends at *deadline*.

        *deadline* is a time of the event loop's clock.
        """
        cached = self._find_cached(project)
        if cached is not None:
            return cached
        return await self._running.get(project, partial(self._search, project, deadline))

    def known(self, project: NormalizedName) -> Search:
        """Return the cached result for a name; a failed one if there is none."""
        return self._find_cached(project) or Search(failed=True)

    def _find_cached(self, project: NormalizedName) -> Search | None:
        cached = self._cached.find(project)
        return cached.search if cached and self.now() < cached.until else None

    async def _search(self, project: NormalizedName, deadline: float) -> Search:
        try:
            async with asyncio.timeout_at(deadline):
                search = Search(await self._other(project))
        except (TimeoutError, StageproxyError, UnreadableListError) as error:
            log.warning("cannot search the list of projects for %s: %r", project, error)
            search = Search(failed=True)
        seconds = _CACHE_SECONDS_OF_FAILURE if search.failed else _CACHE_SECONDS
        self._cached.add(project, _CachedSearch(search, self.now() + seconds))
        return search

    async def _other(self, project: NormalizedName) -> NormalizedName | None:
        async with self.index.stream(_LIST, ACCEPT_FOR[SimpleType.V1_JSON]) as document:
            kind = simple_type_of(document.content_type)
            if kind is None:
                raise UpstreamFailedError("PyPI's list of projects has an unknown content type.")
            names = SimilarNames(kind, project)
            async for chunk in document.chunks():
                other = await asyncio.to_thread(names.feed, chunk)
                if other is not None:
                    return other
            names.close(has_length=document.has_length)
        return None
