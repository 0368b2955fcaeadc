"""Here is what the index that confirms shows of a project, asked anew each time."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urldefrag, urljoin

from packaging.utils import NormalizedName

from stageproxy.core.index.negotiation import ACCEPT_FOR, SimpleType
from stageproxy.core.index.simple import read_page
from stageproxy.core.promotion.confirmation import IndexFile
from stageproxy.ports import Downloads, Index


@dataclass(frozen=True, slots=True)
class ConfirmedListing:
    """What the index that confirms shows of a project, never from a cache of ours."""

    index: Index
    downloads: Downloads

    async def files_of(self, project: NormalizedName) -> Mapping[str, IndexFile]:
        """Return what is shown, by filename.

        Raise `StageproxyError` or `UnreadablePageError` if it cannot be told.
        """
        accept = ACCEPT_FOR[SimpleType.V1_JSON]
        page = await self.index.find(f"simple/{project}/", accept, fresh=True)
        if page is None:
            return {}
        listing = await asyncio.to_thread(read_page, page, project)
        return {
            name: IndexFile(one.sha256, _absolute(page.url, one.link))
            for name, one in listing.files.items()
        }

    async def with_hashes(
        self, seen: Mapping[str, IndexFile], filenames: Iterable[str]
    ) -> Mapping[str, IndexFile]:
        """Return what is shown of these files, with hashes: where pages say none, the bytes do.

        Raise `StageproxyError` if a file cannot be had.
        """
        return {name: await self._hashed(seen[name]) for name in filenames if name in seen}

    async def sha256_of(self, url: str) -> str:
        """Return the SHA-256 of a file in hex: download it. Raise `StageproxyError` on failure."""
        return await self.downloads.sha256_of(url)

    async def _hashed(self, file: IndexFile) -> IndexFile:
        if file.sha256 is not None:
            return file
        return replace(file, sha256=await self.sha256_of(file.url))


def _absolute(page_url: str, link: str) -> str:
    """Return where a link leads. One that is no URL, of whatever file, stays as it is."""
    try:
        return urldefrag(urljoin(page_url, link)).url
    except ValueError:
        return link
