"""Here is what upstream has of a project already, as far as it tells."""

import asyncio
import logging
from dataclasses import dataclass

from stageproxy.core.errors import ConflictError, StageproxyError
from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.pages import Listing, UnreadablePageError
from stageproxy.core.index.simple import read_page
from stageproxy.ports import Index

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """Asks upstream what it has."""

    index: Index

    async def listing(self, project: str) -> Listing | None:
        """Return what upstream has of a project, or nothing if it could not be asked.

        Nothing is refused for upstream's sake: uploaders send again what they
        think has failed, and the page that is edited later tells the truth.
        """
        try:
            page = await self.index.find(
                f"simple/{project}/", ACCEPT_FOR[SimpleType.V1_JSON], fresh=True
            )
            if page is None:
                return Listing(is_there=False)
            return await asyncio.to_thread(read_page, page, project)
        except (StageproxyError, UnreadablePageError) as error:
            log.warning("what PyPI has of %s is not known: %s", project, error)
            return None

    async def check_is_new(self, project: str, filename: str) -> None:
        """Raise if upstream has a file of that name, whatever its bytes."""
        listing = await self.listing(project)
        if listing is not None and filename in listing.files:
            raise ConflictError(f"PyPI has {filename} already.")
