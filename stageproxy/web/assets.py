"""Style sheets and scripts of the pages, at names that change with their content.

A page links to `/assets/<name>-<digest>.css`, so that browsers need to ask for it only once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePath

from aiohttp import web

from stageproxy.core.errors import NotFoundError
from stageproxy.core.index.pages import Document, own_document
from stageproxy.web.answers.conditional import conditional

_CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=UTF-8",
    ".js": "text/javascript; charset=UTF-8",
}
_DIGITS = 16
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file of the pages."""

    path: str
    document: Document


def asset_path(name: str) -> str:
    """Return the path of a file of `web/static` below the public URL: `assets/page-0a1b.css`."""
    return assets()[name].path


async def show_asset(request: web.Request) -> web.StreamResponse:
    """Return a static file. A digest of another version is not found: it would be kept forever."""
    path = f"assets/{request.match_info['name']}"
    found = next((one for one in assets().values() if one.path == path), None)
    if found is None:
        raise NotFoundError
    headers = {
        "Content-Type": found.document.content_type,
        "Cache-Control": _FOREVER,
        "Vary": "Accept-Encoding",
    }
    return await conditional(request, found.document, headers)


@cache
def assets() -> Mapping[str, Asset]:
    """Return the static files by name."""
    folder = files("stageproxy.web") / "static"
    return {one.name: _asset(one.name, one.read_bytes()) for one in folder.iterdir()}


def _asset(name: str, body: bytes) -> Asset:
    path = PurePath(name)
    document = own_document(body, _CONTENT_TYPES[path.suffix])
    return Asset(f"assets/{path.stem}-{document.digest[:_DIGITS]}{path.suffix}", document)
