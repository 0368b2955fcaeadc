"""Conditional responses: ETags, 304 and gzip."""

import asyncio
from collections.abc import Iterator, Mapping

from aiohttp import hdrs, web

from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.staleness import Freshness
from stageproxy.web.answers.gzipping import gzipped
from stageproxy.web.keys import GZIPPED

_FIRST_PIECE = 2**14
_PIECE = 2**18
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
) -> web.Response:
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
        return whole(request, document.body, headers)

    async def compress() -> bytes:
        return await asyncio.to_thread(gzipped, document.body)

    compressed = await request.app[GZIPPED].get(document.digest, compress)
    return whole(request, compressed, {**headers, "Content-Encoding": "gzip"})


class LargeResponse(web.Response):
    """A response whose body is sent in pieces, so that it is not copied for each client.

    aiohttp joins a whole body to the headers, and the transport copies what a
    slow client has not received yet.
    """

    async def write_eof(self, data: bytes = b"") -> None:
        """Send the body, as fast as the client reads it."""
        if data or not isinstance(self.body, bytes):
            raise AssertionError("the body is given before it is sent")
        for piece in pieces_of(self.body):
            await self.write(piece)
        await web.StreamResponse.write_eof(self)


def pieces_of(body: bytes) -> Iterator[memoryview]:
    """Return a body in pieces. The first one is small: headers are joined to it."""
    view = memoryview(body)
    yield view[:_FIRST_PIECE]
    for start in range(_FIRST_PIECE, len(view), _PIECE):
        yield view[start : start + _PIECE]


def whole(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Return the response with a whole body, which is sent in pieces if it is large."""
    is_large = len(body) > _PIECE and request.method != hdrs.METH_HEAD
    return (LargeResponse if is_large else web.Response)(body=body, headers=headers)


def _accepts_gzip(request: web.Request) -> bool:
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, quality = part.replace(" ", "").partition(";q=")
        if name in {"gzip", "x-gzip"}:
            return quality not in {"0", "0.0", "0.00", "0.000"}
    return False
