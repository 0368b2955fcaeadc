"""Indexes in the shapes of other products: where their pages are, and how they link to files."""

import base64
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from aiohttp import web
from packaging.utils import canonicalize_name

from stageproxy.core.index.negotiation import SimpleType
from tests.support.builders.distributions import Distribution
from tests.support.index.fake_index import FakeIndex

_BASE = re.compile(r'<base href="([^"]*)"')

CREDENTIAL = "reader:only the server knows"


@dataclass(frozen=True, slots=True)
class Shape:
    """The folder of the project pages, and the links on a page.

    A *link* has the fields `project`, `filename`, `sha256`, `origin` and `host`. An HTML
    *page* has the links in the place of `{}`, and may have the `{origin}`. Requests for files
    are redirected to the *storage*, which may be on the same host or on another one.
    """

    simple: str
    link: str
    page: str = "<!DOCTYPE html>\n<html><body>\n{}</body></html>\n"
    is_json: bool = False
    storage: str = ""


SHAPES: Mapping[str, Shape] = {
    "pypiserver": Shape("/simple/", "/packages/{filename}#sha256={sha256}"),
    "devpi": Shape("/root/dev/+simple/", "../../+f/{sha256:.3}/{sha256:.16}/{filename}"),
    "devpi, from a base": Shape("/root/dev/+simple/", "../../../pypi/+f/{sha256:.3}/{filename}"),
    "nginx": Shape("/pypi/", "{filename}", page="<html>\n<body>\n<h1>Index</h1>\n{}</body></html>"),
    "caddy": Shape("/", "./{filename}", page="<!DOCTYPE html><html><body>{}</body></html>"),
    "artifactory": Shape(
        "/artifactory/api/pypi/remote/simple/",
        "../../packages/packages/aa/bb/{filename}#sha256={sha256}",
    ),
    "artifactory, from the root": Shape(
        "/artifactory/api/pypi/remote/index/", "/artifactory/remote/aa/{filename}"
    ),
    "nexus": Shape(
        "/repository/all/simple/", "../../packages/{project}/1.0/{filename}#sha256={sha256}"
    ),
    "gitlab": Shape(
        "/api/v4/projects/1/packages/pypi/simple/",
        "{origin}/api/v4/projects/1/packages/pypi/files/{sha256}/{filename}#sha256={sha256}",
        storage="{elsewhere}/{filename}?signature=x",
    ),
    "storage on the host": Shape(
        "/a/b/simple/", "../../{filename}", storage="{origin}/storage/{sha256}?signature=x"
    ),
    "proxpi": Shape("/index/", "/index/{project}/{filename}"),
    "simple-repository": Shape("/simple/", "../../resources/{project}/{filename}", is_json=True),
    "bandersnatch": Shape("/simple/", "../../packages/aa/bb/{sha256}/{filename}", is_json=True),
    "wheels of a vendor": Shape("/whl/simple/", "/whl/cpu/{filename}#sha256={sha256}"),
    "JSON from the root": Shape("/a/index/", "/b/files/{filename}", is_json=True),
    "without a scheme": Shape("/a/simple/", "//{host}/b/{filename}"),
    "a base": Shape(
        "/a/simple/",
        "{filename}",
        page='<html><head><base href="{origin}/b/"></head><body>{}</body></html>',
    ),
}


@dataclass(slots=True)
class ShapedIndex:
    """An index in a shape. Only requests with the credential are answered."""

    shape: Shape
    distributions: tuple[Distribution, ...]
    url: str = ""
    storage: str = ""
    refused: list[str] = field(default_factory=list)

    @property
    def index_url(self) -> str:
        """The index URL with the credential, as pip is configured with it."""
        return self.url.replace("://", f"://{CREDENTIAL.replace(' ', '%20')}@") + self.shape.simple

    @classmethod
    @asynccontextmanager
    async def running(
        cls, shape: Shape, *distributions: Distribution
    ) -> AsyncIterator["ShapedIndex"]:
        """Run an index with *distributions* on a local port, and its storage on another one."""
        index = cls(shape, distributions)
        fronts, storages = FakeIndex(), FakeIndex()
        app, storage = web.Application(), web.Application()
        app.router.add_get("/{path:.*}", index.answer)
        storage.router.add_get("/{filename}", index.send_file)
        async with fronts.serving(app), storages.serving(storage):
            index.url, index.storage = fronts.url, storages.url
            yield index

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return the page or the file at the path of a request, to the server only."""
        encoded = base64.b64encode(CREDENTIAL.encode()).decode()
        if request.headers.get("Authorization") != f"Basic {encoded}":
            self.refused.append(request.path)
            raise web.HTTPUnauthorized
        for project in map(_project_of, self.distributions):
            if request.path == f"{self.shape.simple}{project}/":
                return self._page(project)
        return await self.send_file(request)

    async def send_file(self, request: web.Request) -> web.StreamResponse:
        """Return a file, or redirect to the storage."""
        for one in self.distributions:
            storage = self._filled(self.shape.storage, one)
            if request.path == self._path(one) and storage:
                raise web.HTTPFound(storage)
            if request.path in {self._path(one), urlsplit(storage).path}:
                return web.Response(body=one.content)
        raise web.HTTPNotFound

    @property
    def _html(self) -> str:
        return self.shape.page.replace("{origin}", self.url)

    def _page(self, project: str) -> web.Response:
        files = [one for one in self.distributions if _project_of(one) == project]
        if self.shape.is_json:
            entries = [
                {"filename": one.filename, "url": self._link(one), "hashes": {"sha256": one.sha256}}
                for one in files
            ]
            page = {"meta": {"api-version": "1.0"}, "name": project, "files": entries}
            return web.Response(text=json.dumps(page), content_type=SimpleType.V1_JSON.value)
        links = "".join(
            f'<a href="{html.escape(self._link(one))}">{one.filename}</a><br/>\n' for one in files
        )
        return web.Response(text=self._html.replace("{}", links), content_type="text/html")

    def _path(self, one: Distribution) -> str:
        base = self.url + self.shape.simple + f"{_project_of(one)}/"
        if declared := _BASE.search(self._html):
            base = declared[1]
        return urlsplit(urljoin(base, self._link(one))).path

    def _link(self, one: Distribution) -> str:
        return self._filled(self.shape.link, one)

    def _filled(self, template: str, one: Distribution) -> str:
        return template.format(
            project=_project_of(one),
            filename=one.filename,
            sha256=one.sha256,
            origin=self.url,
            elsewhere=self.storage,
            host=urlsplit(self.url).netloc,
        )


def _project_of(distribution: Distribution) -> str:
    return canonicalize_name(distribution.filename.partition("-")[0])
