"""An index with a large page and small ones, from memory.

`python -m benchmarks.servers.upstream` prints its URL.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from benchmarks.servers.serving import serve
from tests.support.builders.stages import a_listed_entry, as_json

LARGE, SMALL, OTHER = "numpy", "demo", "other"
"""Projects, by their pages. No file of `OTHER` is staged."""

FILES = {LARGE: 4400, SMALL: 10, OTHER: 11}
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
HTML_PAGE = "application/vnd.pypi.simple.v1+html"

_A_RELEASE = 44
_LIKE_PYPI = {
    "Cache-Control": "max-age=600, public",
    "Vary": "Accept-Encoding, Accept",
    "X-PyPI-Last-Serial": "7",
}


def a_json_page(project: str) -> bytes:
    """Return the page of a project; that of numpy has 2.9 MB."""
    page = {
        "files": list(_entries(project)),
        "meta": {"_last-serial": 7, "api-version": "1.4"},
        "name": project,
        "project-status": {"status": "active"},
        "versions": [f"1.{number}.0" for number in range(-(-FILES[project] // _A_RELEASE))],
    }
    return as_json(page)


def an_html_page(project: str) -> bytes:
    """Return the same page as HTML."""
    links = "".join(
        f'<a href="{one["url"]}#sha256={one["hashes"]["sha256"]}"'
        f' data-requires-python="&gt;=3.11">{one["filename"]}</a><br />\n'
        for one in _entries(project)
    )
    head = '<meta name="pypi:repository-version" content="1.4">'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{links}</body></html>".encode()


def filenames(project: str) -> Sequence[str]:
    """Return the names of the files of a project."""
    return [_filename(project, number) for number in range(FILES[project])]


def _filename(project: str, number: int) -> str:
    release, build = divmod(number, _A_RELEASE)
    tag = f"cp3{build}-cp3{build}-manylinux_2_27_x86_64.manylinux_2_28_x86_64"
    return f"{project}-1.{release}.0-{tag}.whl"


def _entries(project: str) -> Sequence[Mapping[str, Any]]:
    return [_an_entry(one, number) for number, one in enumerate(filenames(project))]


def _an_entry(filename: str, number: int) -> Mapping[str, Any]:
    digest = hashlib.sha256(filename.encode()).hexdigest()
    metadata = {"sha256": digest[::-1]}
    folder = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    entry = a_listed_entry(
        filename,
        requires_python=">=3.11",
        size=16_000_000 + number,
        url=f"https://files.example.org/packages/{folder}/{filename}",
    )
    return {**entry, "core-metadata": metadata, "data-dist-info-metadata": metadata}


@dataclass(frozen=True, slots=True)
class Page:
    """A page in one type, with its validator."""

    media_type: str
    plain: bytes
    packed: bytes
    etag: str

    @classmethod
    def of(cls, media_type: str, plain: bytes) -> "Page":
        """Return the page with these bytes."""
        etag = f'"{hashlib.sha256(plain).hexdigest()[:22]}"'
        return cls(media_type, plain, gzip.compress(plain, mtime=0), etag)

    def answer(self, request: web.Request) -> web.Response:
        """Return the page, compressed on request, or 304."""
        headers = {**_LIKE_PYPI, "Content-Type": self.media_type, "ETag": self.etag}
        if self.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=self.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=self.plain, headers=headers)


def _handler(project: str) -> Handler:
    as_json_page = Page.of(JSON_PAGE, a_json_page(project))
    as_html_page = Page.of(HTML_PAGE, an_html_page(project))

    async def page(request: web.Request) -> web.Response:
        wants_json = JSON_PAGE in request.headers.get("Accept", "")
        return (as_json_page if wants_json else as_html_page).answer(request)

    return page


async def _project_list(_: web.Request) -> web.Response:
    links = "".join(f'<a href="/simple/{project}/">{project}</a>\n' for project in FILES)
    body = f"<!DOCTYPE html>\n<html><head></head><body>\n{links}</body></html>"
    return web.Response(text=body, content_type="text/html", headers=_LIKE_PYPI)


def application() -> web.Application:
    """Return the application of the index."""
    app = web.Application()
    app.add_routes([web.get("/simple/", _project_list)])
    app.add_routes([web.get(f"/simple/{project}/", _handler(project)) for project in FILES])
    return app


if __name__ == "__main__":
    asyncio.run(serve(application()))
