"""Here is how a body is told apart from another, and not sent to those who have it."""

import asyncio
import gzip
from collections.abc import Mapping

from aiohttp import hdrs, web

from stageproxy.core.index.pages import Document, digest_of
from stageproxy.web.keys import GZIPPED

_LIGHT = 1
_FIRST = 2**14
_PIECE = 2**20
_WORTH_IT = 1024
_STALE = frozenset({"no-cache", "max-age=0"})


def etag_of(body: bytes) -> str:
    """Return a strong ETag of a body."""
    return f'"{digest_of(body)}"'


def matches(request: web.Request, etag: str) -> bool:
    """Say whether the client has what *etag* stands for (RFC 9110, section 13.1.2).

    `W/` is ignored: a proxy in front may have weakened what we sent.
    """
    header = request.headers.get(hdrs.IF_NONE_MATCH, "")
    known = {one.strip().removeprefix("W/") for one in header.split(",")}
    return etag in known or known == {"*"}


def wants_fresh(request: web.Request) -> bool:
    """Say whether the client does not take an answer that somebody kept (RFC 9111, 5.2.1)."""
    lines = request.headers.getall(hdrs.CACHE_CONTROL, [])
    said = ",".join(lines).lower().replace(" ", "").split(",")
    return not _STALE.isdisjoint(said)


async def conditional(
    request: web.Request, document: Document, headers: dict[str, str]
) -> web.StreamResponse:
    """Return the answer with a document: 304 to those who have it, gzip to those who can.

    Each encoding has an ETag of its own.
    """
    is_packed = len(document.body) > _WORTH_IT and _takes_gzip(request)
    etag = f'"{document.digest}-gzip"' if is_packed else f'"{document.digest}"'
    headers = {**headers, "ETag": etag}
    if matches(request, etag):
        headers.pop("Content-Type", None)
        return web.Response(status=304, headers=headers)
    if not is_packed:
        return await _sent(request, document.body, headers)

    async def pack() -> bytes:
        return await asyncio.to_thread(gzip.compress, document.body, _LIGHT, mtime=0)

    packed = await request.app[GZIPPED].get(document.digest, pack)
    return await _sent(request, packed, {**headers, "Content-Encoding": "gzip"})


async def _sent(
    request: web.Request, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send a body: a large one in pieces, so that it is not copied for each of its readers.

    Handed over as a whole, it would be joined to the headers, and what a slow
    reader has not taken yet would be copied once more and kept for it.
    """
    if len(body) <= _PIECE:
        return web.Response(body=body, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    whole = memoryview(body)
    await response.write(whole[:_FIRST])
    for start in range(_FIRST, len(body), _PIECE):
        await response.write(whole[start : start + _PIECE])
    await response.write_eof()
    return response


def _takes_gzip(request: web.Request) -> bool:
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, quality = part.replace(" ", "").partition(";q=")
        if name in {"gzip", "x-gzip"}:
            return quality not in {"0", "0.0", "0.00", "0.000"}
    return False
