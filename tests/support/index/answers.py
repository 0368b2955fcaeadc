"""Headers, redirects and validators of PyPI's answers."""

import base64
import hashlib
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from tests.support.index.quirks import QUIRKS, SIMPLE

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": (
        "Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since"
    ),
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Max-Age": "86400",
    "Access-Control-Expose-Headers": "X-PyPI-Last-Serial",
}
SURROGATE = {"Surrogate-Control": "max-age=86400, stale-while-revalidate=300, stale-if-error=86400"}
PAGE = {
    **CORS,
    **SURROGATE,
    "Cache-Control": "max-age=600, public",
    "Vary": "Accept-Encoding, Accept",
}
DOCUMENT = {**CORS, **SURROGATE, "Cache-Control": "max-age=900, public"}
PROVENANCE = {
    **SURROGATE,
    "Cache-Control": "max-age=600, public",
    "Vary": "Accept-Encoding, Accept",
}
PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}
JSON = {"Content-Type": "application/json"}
PACKAGES = "/packages/"
SANDBOX = "default-src 'none'; sandbox allow-top-navigation"
# Stands for the policy of the rest of the site, whose text was not recorded.
SITE_POLICY = "base-uri 'self'; default-src 'none'; form-action 'self'"


def redirect(request: web.Request, path: str, headers: Mapping[str, str] = {}) -> web.Response:
    """Return a redirect to *path* on the same host."""
    text = (
        "301 Moved Permanently\n\n"
        f"The resource has been moved to {path}; you should be redirected automatically.\n\n"
    )
    location = {"Location": f"{request.url.origin()}{path}"}
    return web.Response(status=301, headers={**headers, **location, **PLAIN}, body=text.encode())


def no_such_page() -> web.Response:
    """Return the 404 of the simple API, the same line for every path."""
    return web.Response(status=404, headers={**CORS, **PLAIN}, body=b"404 Not Found")


def no_such_document() -> web.Response:
    """Return the 404 of the JSON API, the only JSON of PyPI with a space."""
    return web.Response(status=404, headers={**CORS, **JSON}, body=b'{"message": "Not Found"}')


@web.middleware
async def add_site_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the headers of PyPI's site, which its host of files does not send."""
    response = await handler(request)
    if not request.path.startswith(PACKAGES):
        policy = SANDBOX if request.path.startswith(SIMPLE) else SITE_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Referrer-Policy", "origin-when-cross-origin")
        response.headers.setdefault("Vary", "Accept-Encoding")
    return response


@web.middleware
async def revalidate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add an ETag to cacheable answers, and answer a matching one with 304."""
    response = await handler(request)
    if response.status != HTTPStatus.OK or hdrs.CACHE_CONTROL not in response.headers:
        return response
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if request[QUIRKS].no_etag and request.path.startswith(SIMPLE):
        return response
    # In PyPI's spelling, which differs from that of `hdrs.ETAG`.
    response.headers["ETag"] = etag = etag_of(response.body)
    if etag not in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return response
    headers = response.headers.copy()
    headers.pop(hdrs.CONTENT_TYPE, None)
    headers.pop(hdrs.CONTENT_LENGTH, None)
    return web.Response(status=304, headers=headers)


def etag_of(body: bytes) -> str:
    """Return PyPI's ETag of *body*: its MD5 in base64, without padding."""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return f'"{base64.b64encode(digest).rstrip(b"=").decode()}"'
