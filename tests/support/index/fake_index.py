"""A fake PyPI on a local port, which returns PyPI's recorded answers."""

import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import EllipsisType
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDictProxy
from packaging.utils import canonicalize_name

from tests.support.builders.distributions import Distribution
from tests.support.index.answers import add_site_headers, revalidate
from tests.support.index.handlers import PROJECTS, ROUTES
from tests.support.index.oidc import OIDC_ROUTES, TRUSTED_PUBLISHING
from tests.support.index.projects import Project, Projects
from tests.support.index.quirks import QUIRKS, Quirks, break_answers, edit_pages
from tests.support.uploads.fake_uploads import FakeUploads
from tests.support.uploads.handler import UPLOAD_ROUTES, UPLOADS

__all__ = ["JUST_OUT", "FakeIndex", "Quirks", "RecordedRequest"]


JUST_OUT = {"upload-time": "2026-11-22T11:00:00.000000Z"}
"""The upload time of a file that is so new that its release is open."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request to the fake index; its path is raw and includes the query."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]


@dataclass(slots=True)
class FakeIndex:
    """An index with projects, which is requested over HTTP and inspected afterwards."""

    quirks: Quirks = field(default_factory=Quirks)
    requests: list[RecordedRequest] = field(default_factory=list)
    projects: Projects = field(default_factory=Projects)
    uploads: FakeUploads = field(init=False)
    url: str = ""
    _site: web.TCPSite | None = None
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.uploads = FakeUploads(self.projects)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """Serve an empty index on a free local port, at `url`."""
        index = cls()
        async with index.serving(index.make_app()):
            yield index

    @asynccontextmanager
    async def serving(self, app: web.Application) -> AsyncIterator[None]:
        """Serve the application of this index on a free local port, at `url`."""
        # Delayed answers must not delay the end of a test.
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        with _reserved_port() as port:
            try:
                self._site = await _listening(runner, port)
                self._runner = runner
                self.url = f"http://127.0.0.1:{port}"
                yield
            finally:
                await runner.cleanup()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Refuse new connections while the block runs."""
        assert self._site is not None, "Only an index that is running can be away."
        assert self._runner is not None
        await self._site.stop()
        try:
            yield
        finally:
            self._site = await _listening(self._runner, urlsplit(self.url).port or 0)

    def make_app(self) -> web.Application:
        """Return the application of the index."""
        # The outermost first: faults are applied last.
        around = [self._recorder(), break_answers, add_site_headers, revalidate, edit_pages]
        app = web.Application(middlewares=around)
        app[PROJECTS] = self.projects
        app[UPLOADS] = self.uploads
        app[TRUSTED_PUBLISHING] = self.uploads.trusted
        app.add_routes([*ROUTES, *UPLOAD_ROUTES, *OIDC_ROUTES])
        return app

    def add(
        self,
        project: str,
        *distributions: Distribution,
        requires_python: str | EllipsisType | None = ...,
        yanked: str | bool = False,
        status: str = "active",
        display_name: str | None = None,
        extra_file_keys: Mapping[str, Any] = {},
        extra_page_keys: Mapping[str, Any] = {},
        uploaded_at: datetime | None = None,
    ) -> None:
        """Add a project to the index, or more files of it; by default they are old.

        As on PyPI, `requires-python` and yanking belong to the release: the first file sets the
        one unless it is given, and the last value of the other applies to all.
        """
        found = self.projects.find(project) or Project(display_name or project)
        changed = self.projects.put(
            replace(
                found,
                display_name=display_name or found.display_name,
                status=status,
                extra_page_keys={**found.extra_page_keys, **extra_page_keys},
            )
        )
        for distribution in distributions:
            changed = self.projects.upload(
                changed,
                distribution,
                requires_python=requires_python,
                yanked=yanked,
                extra_keys=extra_file_keys,
                uploaded_at=uploaded_at,
            )

    def remove(self, project: str) -> None:
        """Remove a project with its files."""
        del self.projects.by_name[canonicalize_name(project)]

    def _recorder(self) -> Middleware:
        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.requests.append(RecordedRequest(request.method, request.raw_path, request.headers))
            request[QUIRKS] = self.quirks
            return await handler(request)

        return record


@contextmanager
def _reserved_port() -> Iterator[int]:
    """Reserve a port while no server listens on it."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


async def _listening(runner: web.AppRunner, port: int) -> web.TCPSite:
    site = web.TCPSite(runner, "127.0.0.1", port, reuse_port=True)
    await site.start()
    return site
