"""Here is whether upstream has another project whose name PyPI takes for the same."""

import asyncio
import logging
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from packaging.utils import NormalizedName

from stageproxy import __version__
from stageproxy.caching import LruCache, SingleFlight
from stageproxy.core.errors import StageproxyError, UpstreamFailedError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType, simple_type_of
from stageproxy.core.index.project_list import UnreadableListError
from stageproxy.core.index.similar_names import SimilarNames
from stageproxy.ports import Index, UpstreamResponse

log = logging.getLogger(__name__)

_LIST = "simple/"
_HEADERS = {
    "Accept": ACCEPT_FOR[SimpleType.V1_JSON],
    "Accept-Encoding": "gzip",
    "User-Agent": f"stageproxy/{__version__}",
}
_LENGTHS = ("Content-Length", "Transfer-Encoding")
_GZIP = 31
_PIECE = 2**20
_MOST_KEPT = 1000
_KEPT_SECONDS = 3600
_KEPT_SECONDS_OF_FAILURE = 60


@dataclass(frozen=True, slots=True)
class Search:
    """What came of a search: another project, or none. `failed`: nobody knows."""

    other: NormalizedName | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class _RecentSearch:
    search: Search
    until: float


@dataclass(frozen=True, slots=True)
class NameSearches:
    """Searches upstream's list of projects: once an hour for each name, and never for long."""

    index: Index
    now: Callable[[], float] = time.monotonic
    _kept: LruCache[NormalizedName, _RecentSearch] = field(
        default_factory=lambda: LruCache(_MOST_KEPT, lambda _: 1), repr=False
    )
    _running: SingleFlight[NormalizedName, Search] = field(default_factory=SingleFlight, repr=False)

    async def find(self, project: NormalizedName, *, deadline: float) -> Search:
        """Return what is known of a name, or can be learned until a time of the loop's clock."""
        kept = self._kept.find(project)
        if kept and self.now() < kept.until:
            return kept.search
        return await self._running.get(project, partial(self._search, project, deadline))

    async def _search(self, project: NormalizedName, deadline: float) -> Search:
        try:
            async with asyncio.timeout_at(deadline):
                search = Search(await self._other(project))
        except (TimeoutError, StageproxyError, UnreadableListError) as error:
            log.warning("no name like %s could be looked for: %r", project, error)
            search = Search(failed=True)
        lasts = _KEPT_SECONDS_OF_FAILURE if search.failed else _KEPT_SECONDS
        self._kept.add(project, _RecentSearch(search, self.now() + lasts))
        return search

    async def _other(self, project: NormalizedName) -> NormalizedName | None:
        async with self.index.open(_LIST, _HEADERS) as answer:
            kind = simple_type_of(answer.headers.get("Content-Type", ""))
            if answer.status != HTTPStatus.OK or kind is None:
                raise UpstreamFailedError(f"PyPI answers {answer.status} without a list.")
            names = SimilarNames(kind, project)
            async for piece in _unpacked(answer):
                other = await asyncio.to_thread(names.feed, piece)
                if other is not None:
                    return other
            names.close(has_length=any(one in answer.headers for one in _LENGTHS))
        return None


async def _unpacked(answer: UpstreamResponse) -> AsyncIterator[bytes]:
    """Return the body as it is meant, in pieces of bounded size."""
    encoding = answer.headers.get("Content-Encoding", "").lower()
    if encoding in {"", "identity"}:
        async for chunk in answer.chunks():
            yield chunk
        return
    if encoding != "gzip":
        raise UpstreamFailedError(f"PyPI answers in an encoding nobody asked for: {encoding}.")
    inflate = zlib.decompressobj(wbits=_GZIP)
    async for chunk in answer.chunks():
        packed = chunk
        while packed and not inflate.eof:
            yield await asyncio.to_thread(_inflated, inflate, packed)
            packed = inflate.unconsumed_tail
    if not inflate.eof:
        raise UpstreamFailedError("PyPI's list of projects is cut off.")


def _inflated(inflate: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        return inflate.decompress(packed, _PIECE)
    except zlib.error as error:
        raise UpstreamFailedError("PyPI's list of projects cannot be unpacked.") from error
