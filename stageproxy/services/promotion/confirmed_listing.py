"""The files that the confirming index lists of a project, fetched each time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urldefrag, urljoin

from packaging.utils import NormalizedName

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.index.links import is_web_url
from stageproxy.core.index.pages import ListedFile, UnreadablePageError
from stageproxy.core.promotion.confirmation import IndexFile
from stageproxy.core.stage.stage import Artifact
from stageproxy.ports import Downloads, Index
from stageproxy.services.upstream_state import read_project_page


@dataclass(frozen=True, slots=True)
class ConfirmedListing:
    """The files that the confirming index lists, never from a cache."""

    index: Index
    downloads: Downloads

    async def files_of(self, project: NormalizedName) -> Mapping[str, IndexFile]:
        """Return the listed files of a project by filename.

        Raise `StageproxyError` if the page cannot be read.
        """
        page = await read_project_page(self.index, project)
        return {name: index_file(page.url, file) for name, file in page.listing.files.items()}

    async def url_of(self, project: NormalizedName, filename: str) -> str | None:
        """Return the URL of a listed file; see `ports.PublishedFiles`."""
        try:
            listed = await self.files_of(project)
        except UnreadablePageError as error:
            raise UpstreamFailedError(str(error)) from error
        return listed[filename].url if filename in listed else None

    async def with_hashes(
        self, listed: Mapping[str, IndexFile], artifacts: Iterable[Artifact]
    ) -> Mapping[str, IndexFile]:
        """Return the files of those *artifacts* that are listed, with hashes.

        What lacks a hash is downloaded. Raise `StageproxyError` if that fails.
        """
        return {
            one.filename: await self._hashed(listed[one.filename], one.size)
            for one in artifacts
            if one.filename in listed
        }

    async def sha256_of(self, url: str, *, size: int) -> str:
        """Return the SHA-256 of a file: download it, up to *size*; see `ports.Downloads`."""
        return await self.downloads.sha256_of(url, size=size)

    async def _hashed(self, file: IndexFile, size: int) -> IndexFile:
        if file.sha256 is not None:
            return file
        return replace(file, sha256=await self.sha256_of(file.url, size=size))


def index_file(page_url: str, file: ListedFile) -> IndexFile:
    """Return a file that the page at *page_url* lists, with an absolute URL.

    A link that is no URL of a web server is left out: nobody can be sent there, and some
    cannot even be stored.
    """
    return IndexFile(file.sha256, _absolute(page_url, file.link))


def _absolute(page_url: str, link: str) -> str:
    try:
        url = urldefrag(urljoin(page_url, link)).url
    except ValueError:
        return ""
    return url if is_web_url(url) else ""
