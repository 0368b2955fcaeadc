"""A fake PyPI on a local port, faithful to what the real one was seen to answer."""

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
from tests.support.uploads.fake_uploads import Uploads
from tests.support.uploads.handler import UPLOAD_ROUTES, UPLOADS

__all__ = ["JUST_OUT", "FakeIndex", "Quirks", "Recorded"]


JUST_OUT = {"upload-time": "2026-11-22T11:00:00.000000Z"}
"""What a page says of a file that is so new that others may join its release."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that the fake index received; its path is raw and has the query."""

    method: str
    path: str
    headers: CIMultiDictProxy[str]


@dataclass(slots=True)
class FakeIndex:
    """An index to put projects on, to ask over HTTP, and to look at afterwards."""

    quirks: Quirks = field(default_factory=Quirks)
    requests: list[Recorded] = field(default_factory=list)
    projects: Projects = field(default_factory=Projects)
    uploads: Uploads = field(init=False)
    url: str = ""
    _site: web.TCPSite | None = None
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.uploads = Uploads(self.projects)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """Serve an empty index on a free port of this machine, at `url`."""
        index = cls()
        async with index.serving(index.make_app()):
            yield index

    @asynccontextmanager
    async def serving(self, app: web.Application) -> AsyncIterator[None]:
        """Serve the application of this index on a free port of this machine, at `url`."""
        # Answers that are still delayed when a test ends must not delay its end.
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
        """Refuse new connections for as long as the block lasts."""
        assert self._site is not None, "Only an index that is running can be away."
        assert self._runner is not None
        await self._site.stop()
        try:
            yield
        finally:
            self._site = await _listening(self._runner, urlsplit(self.url).port or 0)

    def make_app(self) -> web.Application:
        """Return the application that answers for the index."""
        # The outermost first: what is broken on purpose is broken last.
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
        """Put a project on the index, or more of its files; long ago if no time is said.

        As on PyPI, `requires-python` and yanking belong to the release: the first file
        sets the one unless it is given, and what is said last of the other holds for all.
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
        """Take a project off the index, its files included."""
        del self.projects.by_name[canonicalize_name(project)]

    def _recorder(self) -> Middleware:
        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.requests.append(Recorded(request.method, request.raw_path, request.headers))
            request[QUIRKS] = self.quirks
            return await handler(request)

        return record


@contextmanager
def _reserved_port() -> Iterator[int]:
    """Keep a port from everybody else, also while nobody listens on it."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


async def _listening(runner: web.AppRunner, port: int) -> web.TCPSite:
    site = web.TCPSite(runner, "127.0.0.1", port, reuse_port=True)
    await site.start()
    return site
