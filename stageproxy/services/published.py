"""Here is what upstream has of a project already, as far as it tells in time."""

import asyncio
import logging
from dataclasses import dataclass

from packaging.utils import NormalizedName

from stageproxy.core.errors import ConflictError, StageproxyError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.pages import Listing, UnreadablePageError
from stageproxy.core.index.simple import read_page
from stageproxy.core.release.upstream_state import UpstreamState
from stageproxy.core.verdict.findings import Finding, Level
from stageproxy.ports import Index
from stageproxy.services.similar_names import NameSearches

log = logging.getLogger(__name__)

_SECONDS = 5
"""How long an upload waits for all that upstream is asked: some uploaders give up after ten."""

_NOT_ASKED = "PyPI could not be asked whether it has this file already."
_NOT_SEARCHED = "PyPI's list of projects could not be searched for names too similar to this one."


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
        listing, is_known = await self._ask(project, deadline)
        if not is_known:
            return UpstreamState(unknown=(Finding("content", _NOT_ASKED, Level.UNKNOWN),))
        if listing is not None:
            return UpstreamState(listing)
        search = await self.names.find(project, deadline=deadline)
        unknown = (Finding("name", _NOT_SEARCHED, Level.UNKNOWN),) if search.failed else ()
        return UpstreamState(similar=search.other, unknown=unknown)

    async def check_is_new(self, project: NormalizedName, filename: str) -> None:
        """Raise if upstream has a file of that name, whatever its bytes."""
        deadline = asyncio.get_running_loop().time() + self.seconds
        listing, _ = await self._ask(project, deadline)
        if listing and filename in listing.files:
            raise ConflictError(f"PyPI has {filename} already.")

    async def _ask(self, project: NormalizedName, deadline: float) -> tuple[Listing | None, bool]:
        """Return what upstream has of a project, nothing if it has none, and whether it said so."""
        try:
            async with asyncio.timeout_at(deadline):
                page = await self.index.find(
                    f"simple/{project}/", ACCEPT_FOR[SimpleType.V1_JSON], fresh=True
                )
                listing = await asyncio.to_thread(read_page, page, project) if page else None
        except (TimeoutError, StageproxyError, UnreadablePageError) as error:
            log.warning("what PyPI has of %s is not known: %r", project, error)
            return None, False
        return listing, True
