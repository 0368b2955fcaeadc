"""The headers that are forwarded to upstream and to clients, and those that the server adds.

In both directions only the listed headers are forwarded.
"""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from stageproxy.request_ids import HEADER
from stageproxy.web.request_keys import REQUEST_ID

FORWARDED = (
    "Accept",
    "Accept-Encoding",
    "If-None-Match",
    "If-Modified-Since",
    "Range",
    "If-Range",
    "User-Agent",
)

_INDEX_HEADERS = (
    "Vary",
    "X-PyPI-Last-Serial",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Max-Age",
    "Access-Control-Expose-Headers",
)

_BODY_HEADERS = (
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Content-Range",
    "Content-Language",
    "Accept-Ranges",
    "ETag",
    "Last-Modified",
    "Cache-Control",
    "Expires",
    "Age",
    "Retry-After",
)

_STANDARD_HEADERS = {
    "Server": "stageproxy",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_STAGE_HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}

_OF_PAGES = frozenset({"Content-Security-Policy", "Referrer-Policy"})
"""The headers that a page may have in its own way."""

_ALIKE = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""The statuses that are the same for what exists and what does not."""

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **_ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD",
    # The wildcard does not include Authorization.
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}

PRIVATE = "private, no-cache"
IMMUTABLE = "private, max-age=31536000, immutable"


def headers_for_upstream(request: web.Request) -> dict[str, str]:
    """Return the headers of a request that are sent to upstream."""
    sent = {name: request.headers.getall(name, []) for name in FORWARDED}
    return {name: ", ".join(values) for name, values in sent.items() if values}


def only_text(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Return the headers that are UTF-8. aiohttp can clone a request with these alone."""
    return CIMultiDict((name, value) for name, value in headers.items() if _is_text(value))


def headers_of_unchanged(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers for an upstream body that is passed through unchanged."""
    return _select(headers, _BODY_HEADERS + _INDEX_HEADERS)


def headers_of_project(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers for an upstream document about the staged project.

    It must not be cached: the next upload may change it.
    """
    selected = headers_of_unchanged(headers)
    for name in ("Last-Modified", "Expires", "Age"):
        selected.pop(name, None)
    return {**selected, "Cache-Control": PRIVATE}


def headers_of_edited(headers: Mapping[str, str], content_type: str) -> dict[str, str]:
    """Return the headers for an edited page about the staged project.

    Upstream's headers about its own body do not apply to the edited one.
    """
    selected = _select(headers, _INDEX_HEADERS)
    return {
        **selected,
        "Vary": _vary(selected),
        "Content-Type": content_type,
        "Cache-Control": PRIVATE,
    }


async def answer_preflight(_request: web.Request) -> web.Response:
    """Allow browsers to read a preview from any site. Every path has the same response."""
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)


async def add_standard_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers of every response, and those of every response below a stage URL."""
    for name, value in _added_headers(request).items():
        if name in _OF_PAGES and name in response.headers:
            continue
        response.headers[name] = value
    if _shows_request_id(request, response.status):
        response.headers[HEADER] = request[REQUEST_ID]


def _added_headers(request: web.Request) -> Mapping[str, str]:
    if not _is_below_stage(request):
        return _STANDARD_HEADERS
    # A stage URL is all that reading needs, so that scripts of any site may read it as well.
    is_public = request.method in _SAFE_METHODS
    return {**_STAGE_HEADERS, **_STANDARD_HEADERS, **(_ANY_ORIGIN if is_public else {})}


def _shows_request_id(request: web.Request, status: int) -> bool:
    """Return whether an answer names its request. Those that must not differ do not.

    Nobody may tell unknown stages and projects from those of others, and the answers of a
    preview are upstream's.
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return REQUEST_ID in request
    return REQUEST_ID in request and status not in _ALIKE and not _is_below_stage(request)


def _is_below_stage(request: web.Request) -> bool:
    return request.raw_path.startswith("/tmp/")


def _is_text(value: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in value)


def _select(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the headers with these *names*, without those that `Connection` lists."""
    of_connection = {one.strip().lower() for one in headers.get("Connection", "").split(",")}
    return {
        name: headers[name]
        for name in names
        if name in headers and name.lower() not in of_connection
    }


def _vary(headers: Mapping[str, str]) -> str:
    names = [one.strip() for one in headers.get("Vary", "").split(",") if one.strip()]
    lowered = {one.lower() for one in names}
    added = [one for one in ("Accept", "Accept-Encoding") if one.lower() not in lowered]
    return ", ".join([*names, *added])
