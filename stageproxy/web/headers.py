"""Here is which headers pass: from clients to upstream, from upstream to clients, and of our own.

Both ways the list says what may pass; everything else stays behind.
"""

from collections.abc import Mapping

from aiohttp import web

TO_UPSTREAM = (
    "Accept",
    "Accept-Encoding",
    "If-None-Match",
    "If-Modified-Since",
    "Range",
    "If-Range",
    "User-Agent",
)

_ABOUT_THE_INDEX = (
    "Vary",
    "X-PyPI-Last-Serial",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Max-Age",
    "Access-Control-Expose-Headers",
)

_ABOUT_THE_BODY = (
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

_ALWAYS = {
    "Server": "stageproxy",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_UNDER_A_STAGE = {
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}

PRIVATE = "private, no-cache"
FOR_GOOD = "private, max-age=31536000, immutable"


def to_upstream(request: web.Request) -> dict[str, str]:
    """Return the headers of a request that upstream may see."""
    sent = {name: request.headers.getall(name, []) for name in TO_UPSTREAM}
    return {name: ", ".join(values) for name, values in sent.items() if values}


def of_untouched(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that go with a body of upstream's that stays as it is."""
    return _those(headers, _ABOUT_THE_BODY + _ABOUT_THE_INDEX)


def of_project(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a document about the staged project: nobody may keep it.

    What it says today may change with the next upload.
    """
    kept = of_untouched(headers)
    for name in ("Last-Modified", "Expires", "Age"):
        kept.pop(name, None)
    return {**kept, "Cache-Control": PRIVATE}


def of_edited(headers: Mapping[str, str], content_type: str) -> dict[str, str]:
    """Return the headers that go with a page about the staged project.

    What upstream says of its own bytes is not true of ours.
    """
    kept = _those(headers, _ABOUT_THE_INDEX)
    return {**kept, "Vary": _vary(kept), "Content-Type": content_type, "Cache-Control": PRIVATE}


async def add_own(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer says, and what every answer under a stage says."""
    own = {**_UNDER_A_STAGE, **_ALWAYS} if _is_under_a_stage(request) else _ALWAYS
    for name, value in own.items():
        if name == "Content-Security-Policy" and name in response.headers:
            continue
        response.headers[name] = value


def _is_under_a_stage(request: web.Request) -> bool:
    return request.raw_path.startswith("/tmp/")


def _those(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the headers of these *names*, but for those that concern one connection alone."""
    of_connection = {one.strip().lower() for one in headers.get("Connection", "").split(",")}
    return {
        name: headers[name]
        for name in names
        if name in headers and name.lower() not in of_connection
    }


def _vary(headers: Mapping[str, str]) -> str:
    said = [one.strip() for one in headers.get("Vary", "").split(",") if one.strip()]
    lowered = {one.lower() for one in said}
    added = [one for one in ("Accept", "Accept-Encoding") if one.lower() not in lowered]
    return ", ".join([*said, *added])
