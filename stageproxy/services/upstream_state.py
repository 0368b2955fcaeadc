"""Here is what upstream has of a project already, as far as it tells in time."""

import asyncio
import logging
from dataclasses import dataclass

from packaging.utils import NormalizedName

from stageproxy.core.errors import ConflictError, StageproxyError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.pages import Listing, UnreadablePageError
from stageproxy.core.index.simple import read_page
from stageproxy.ports import Index
from stageproxy.services.similar_names import NameSearches

log = logging.getLogger(__name__)

_SECONDS = 5
"""How long an upload waits for all that upstream is asked: some uploaders give up after ten."""

_NOT_ASKED = "PyPI could not be asked whether it has this file already."
_NOT_SEARCHED = "PyPI's list of projects could not be searched for names too similar to this one."


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """What upstream says of a project.

    No listing: it could not be asked, and `why_not` says why. `similar` is
    another project whose name PyPI takes for the same, if the project is new;
    `notices` say what could not be learned.
    """

    listing: Listing | None
    why_not: str = ""
    similar: str | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """Asks upstream what it has."""

    index: Index
    names: NameSearches
    seconds: float = _SECONDS

    async def state(self, project: NormalizedName) -> UpstreamState:
        """Return what upstream says of a project now; core knows what that means for a file.

        Nothing is refused because it cannot be asked: uploaders send again what they
        think has failed, and the page that is edited later tells the truth.
        """
        deadline = asyncio.get_running_loop().time() + self.seconds
        listing, why_not = await self._listing(project, deadline)
        if listing is None:
            return UpstreamState(None, why_not, notices=(_NOT_ASKED,))
        if listing.is_there:
            return UpstreamState(listing)
        search = await self.names.find(project, deadline=deadline)
        notices = (_NOT_SEARCHED,) if search.failed else ()
        return UpstreamState(listing, similar=search.other, notices=notices)

    async def check_is_new(self, project: NormalizedName, filename: str) -> None:
        """Raise if upstream has a file of that name, whatever its bytes."""
        listing, _ = await self._listing(project, asyncio.get_running_loop().time() + self.seconds)
        if listing is not None and filename in listing.files:
            raise ConflictError(f"PyPI has {filename} already.")

    async def _listing(
        self, project: NormalizedName, deadline: float
    ) -> tuple[Listing | None, str]:
        """Return what upstream has of a project; nothing, and why, if it does not say so."""
        try:
            async with asyncio.timeout_at(deadline):
                page = await self.index.find(
                    f"simple/{project}/", ACCEPT_FOR[SimpleType.V1_JSON], fresh=True
                )
                if page is None:
                    return Listing(is_there=False), ""
                return await asyncio.to_thread(read_page, page, project), ""
        except (TimeoutError, StageproxyError, UnreadablePageError) as error:
            log.warning("what PyPI has of %s is not known: %r", project, error)
            return None, str(error) or "It did not answer in time."
