"""The state of a project on an index: what it lists, read in bounded time."""

import asyncio
import logging
from dataclasses import dataclass

from packaging.utils import NormalizedName

from stageproxy.core.errors import ConflictError, StageproxyError, UpstreamFailedError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.pages import Listing, UnreadablePageError
from stageproxy.core.index.simple import read_page
from stageproxy.ports import Index
from stageproxy.services.similar_names import NameSearches

log = logging.getLogger(__name__)

_SECONDS = 5
"""How long an upload waits for all requests to upstream: some uploaders give up after ten."""

_NOT_ASKED = "No answer from PyPI: it may already have this file."
_NOT_SEARCHED = "PyPI's list of projects could not be searched for similar names."


@dataclass(frozen=True, slots=True)
class UpstreamPage:
    """What an index lists of a project. Links are relative to *url*; *digest* is the page's."""

    listing: Listing
    url: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """The state of a project on an index.

    `listing` is `None` if the index could not be read, and `why_not` is the
    reason. `similar` is another project whose name PyPI treats as the same, if
    the project is new; `notices` name what could not be found out. Links of
    the listing are relative to `page_url`, and `page_digest` identifies the page.
    """

    listing: Listing | None
    why_not: str = ""
    similar: str | None = None
    notices: tuple[str, ...] = ()
    page_url: str = ""
    page_digest: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamReader:
    """Reads what an index has of a project, for *seconds* at most.

    *fresh*: whether the index is asked each time, whatever is cached; otherwise its
    list of projects, which is long, is not searched.
    """

    index: Index
    names: NameSearches
    seconds: float = _SECONDS
    fresh: bool = True

    async def state(self, project: NormalizedName) -> UpstreamState:
        """Return the state of a project now. What it means for a file is for `core` to decide.

        An index that cannot be read refuses nothing: uploaders repeat what
        they think has failed, and the page is read again when it is edited.
        """
        deadline = asyncio.get_running_loop().time() + self.seconds
        page, why_not = await self._page(project, deadline)
        if page is None:
            return UpstreamState(None, why_not, notices=(_NOT_ASKED,))
        if page.listing.exists:
            return UpstreamState(page.listing, page_url=page.url, page_digest=page.digest)
        search = (
            await self.names.find(project, deadline=deadline)
            if self.fresh
            else self.names.known(project)
        )
        notices = (_NOT_SEARCHED,) if search.failed else ()
        return UpstreamState(page.listing, similar=search.other, notices=notices)

    async def check_is_new(self, project: NormalizedName, filename: str) -> None:
        """Raise `ConflictError` if upstream has a file of that name, whatever its bytes."""
        page, _ = await self._page(project, asyncio.get_running_loop().time() + self.seconds)
        if page is not None and filename in page.listing.files:
            raise ConflictError(f"PyPI already has {filename}.")

    async def _page(
        self, project: NormalizedName, deadline: float
    ) -> tuple[UpstreamPage | None, str]:
        """Return the page of a project; `None` and the reason if it cannot be read in time."""
        try:
            async with asyncio.timeout_at(deadline):
                return await read_project_page(self.index, project, fresh=self.fresh), ""
        except (TimeoutError, StageproxyError) as error:
            log.warning("cannot read the files of %s from PyPI: %r", project, error)
            return None, str(error) or "It did not answer in time."


async def read_project_page(
    index: Index, project: NormalizedName, *, fresh: bool = True
) -> UpstreamPage:
    """Return what an index lists of a project now; with *fresh*, never from a cache.

    Raise `StageproxyError` if the page cannot be read.
    """
    accept = ACCEPT_FOR[SimpleType.V1_JSON]
    page = await index.find(f"simple/{project}/", accept, fresh=fresh)
    if page is None:
        return UpstreamPage(Listing(exists=False))
    try:
        listing = await asyncio.to_thread(read_page, page, project)
        return UpstreamPage(listing, page.url, page.digest)
    except UnreadablePageError as error:
        sentence = f"The index's page of {project} cannot be read: {error}."
        raise UpstreamFailedError(sentence) from error
