"""Conditional responses: ETags, 304 and gzip."""

import asyncio
import gzip
from collections.abc import Mapping

from aiohttp import hdrs, web

from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.staleness import Freshness
from stageproxy.web.keys import GZIPPED

_GZIP_LEVEL = 1
_FIRST_CHUNK = 2**14
_CHUNK = 2**20
_SMALLEST_GZIPPED = 1024


def etag_of(body: bytes) -> str:
    """Return a strong ETag of a body."""
    return f'"{digest_of(body)}"'


def matches(request: web.Request, etag: str) -> bool:
    """Return whether the client has the body with *etag* (RFC 9110, section 13.1.2).

    `W/` is ignored, because a proxy may have weakened our ETag.
    """
    header = request.headers.get(hdrs.IF_NONE_MATCH, "")
    tags = {one.strip().removeprefix("W/") for one in header.split(",")}
    return etag in tags or tags == {"*"}


def may_match(request: web.Request, etag: str) -> bool:
    """Return whether `If-Match` permits the body with *etag* (RFC 9110, section 13.1.1)."""
    header = request.headers.get(hdrs.IF_MATCH)
    return header is None or bool({etag, "*"} & {one.strip() for one in header.split(",")})


def has_copy(request: web.Request, headers: Mapping[str, str]) -> bool:
    """Return whether the client has the body with these *headers*: those that another server sent.

    Its ETag may be weak, and it may have only a time. `If-Modified-Since` counts for that very
    time alone: clients send back what they were sent.
    """
    if hdrs.IF_NONE_MATCH in request.headers:
        return matches(request, headers.get("ETag", "").removeprefix("W/"))
    modified = headers.get(hdrs.LAST_MODIFIED)
    return modified is not None and request.headers.get(hdrs.IF_MODIFIED_SINCE) == modified


def freshness_of(request: web.Request) -> Freshness:
    """Return which documents the client accepts (RFC 9111, section 5.2.1).

    pip sends `max-age=0` each time: it wants upstream to be asked, not to be without an
    answer. Only `no-cache` says so.
    """
    lines = request.headers.getall(hdrs.CACHE_CONTROL, [])
    directives = ",".join(lines).lower().replace(" ", "").split(",")
    if "no-cache" in directives:
        return Freshness.CURRENT
    return Freshness.ASKED if "max-age=0" in directives else Freshness.ANY


async def conditional(
    request: web.Request, document: Document, headers: dict[str, str]
) -> web.StreamResponse:
    """Return the response with a document: 304 if the client has it, gzipped if it accepts gzip.

    Each encoding has its own ETag.
    """
    is_gzipped = len(document.body) > _SMALLEST_GZIPPED and _accepts_gzip(request)
    etag = f'"{document.digest}-gzip"' if is_gzipped else f'"{document.digest}"'
    headers = {**headers, "ETag": etag}
    if matches(request, etag):
        headers.pop("Content-Type", None)
        return web.Response(status=304, headers=headers)
    if not is_gzipped:
        return await sent_whole(request, document.body, headers)

    async def compress() -> bytes:
        return await asyncio.to_thread(gzip.compress, document.body, _GZIP_LEVEL, mtime=0)

    compressed = await request.app[GZIPPED].get(document.digest, compress)
    return await sent_whole(request, compressed, {**headers, "Content-Encoding": "gzip"})


async def sent_whole(
    request: web.Request, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send a body, a large one in chunks, so that it is not copied for each client.

    aiohttp joins a whole body to the headers, and the transport copies what a
    slow client has not received yet.
    """
    if len(body) <= _CHUNK:
        return web.Response(body=body, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    view = memoryview(body)
    await response.write(view[:_FIRST_CHUNK])
    for start in range(_FIRST_CHUNK, len(body), _CHUNK):
        await response.write(view[start : start + _CHUNK])
    await response.write_eof()
    return response


def _accepts_gzip(request: web.Request) -> bool:
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, quality = part.replace(" ", "").partition(";q=")
        if name in {"gzip", "x-gzip"}:
            return quality not in {"0", "0.0", "0.00", "0.000"}
    return False
