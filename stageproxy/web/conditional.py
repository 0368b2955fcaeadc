"""Here is how a body is told apart from another, and not sent to those who have it."""

import asyncio
import gzip
import hashlib

from aiohttp import web

_LIGHT = 1
_WORTH_IT = 1024


def etag_of(body: bytes, encoding: str = "") -> str:
    """Return a strong ETag of a body; each encoding of it has its own."""
    digest = hashlib.sha256(body).hexdigest()[:32]
    return f'"{digest}-{encoding}"' if encoding else f'"{digest}"'


def matches(request: web.Request, etag: str) -> bool:
    """Say whether the client has what *etag* stands for (RFC 9110, section 13.1.2).

    `W/` is ignored: a proxy in front may have weakened what we sent.
    """
    header = request.headers.get("If-None-Match", "")
    known = {one.strip().removeprefix("W/") for one in header.split(",")}
    return etag in known or known == {"*"}


async def conditional(request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
    """Return the answer with a body of ours: 304 to those who have it, gzip to those who can."""
    encoding = "gzip" if _takes_gzip(request) and len(body) > _WORTH_IT else ""
    etag = await asyncio.to_thread(etag_of, body, encoding)
    headers = {**headers, "ETag": etag}
    if matches(request, etag):
        headers.pop("Content-Type", None)
        return web.Response(status=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
        body = await asyncio.to_thread(gzip.compress, body, _LIGHT, mtime=0)
    return web.Response(body=body, headers=headers)


def _takes_gzip(request: web.Request) -> bool:
    for part in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, quality = part.replace(" ", "").partition(";q=")
        if name in {"gzip", "x-gzip"}:
            return quality not in {"0", "0.0", "0.00", "0.000"}
    return False
