"""An index in memory that has pages of projects, and may be slow or fail."""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from stageproxy.core.errors import UpstreamUnavailableError
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.redirects import Redirection
from stageproxy.ports import Index, StreamedDocument, UpstreamResponse


@dataclass(slots=True)
class FakePages:
    """An index that has only pages, by project; see `ports.Index`.

    *silent*: projects about which it never answers; *failing*: those about which it
    fails; *most*: how many requests were open at the same time.
    """

    pages: Mapping[str, Sequence[str]]
    silent: Collection[str] = ()
    failing: Collection[str] = ()
    asked: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    site: str = "https://index.example.org/"

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return the page of a project, as JSON."""
        assert accept
        assert not fresh
        project = path.removeprefix("simple/").rstrip("/")
        self.asked.append(project)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self._page(project, path)
        finally:
            self.running -= 1

    async def _page(self, project: str, path: str) -> Document | None:
        await asyncio.sleep(0)
        if project in self.silent:
            await asyncio.Event().wait()
        if project in self.failing:
            raise UpstreamUnavailableError("PyPI cannot be reached.")
        if project not in self.pages:
            return None
        files = [{"filename": one, "url": one, "hashes": {}} for one in self.pages[project]]
        document = {"meta": {"api-version": "1.0"}, "name": project, "files": files}
        body = json.dumps(document).encode()
        return Document(body, digest_of(body), SimpleType.V1_JSON.value, f"{self.site}{path}")

    def open(
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Raise: nothing is passed on."""
        raise NotImplementedError

    def stream(self, path: str, accept: str) -> AbstractAsyncContextManager[StreamedDocument]:
        """Raise: there is no list of projects."""
        raise NotImplementedError

    @property
    def space(self) -> UrlSpace:
        """Return the URLs of the index."""
        return UrlSpace(self.site, f"{self.site}simple/")

    def resolve(self, location: str, asked: str) -> Redirection:
        """Raise: there are no redirects."""
        raise NotImplementedError


def fits_the_port(pages: FakePages) -> Index:
    """Return the fake as its port, which mypy checks."""
    return pages
