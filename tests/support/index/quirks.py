"""Quirks of a fake index."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

SIMPLE = "/simple/"
GARBAGE = b"\x00\xffthis is neither HTML nor JSON <<<{"


@dataclass(frozen=True, slots=True)
class Quirks:
    """Quirks of the simple pages; *delay* and *status* apply to every answer.

    With *truncate* half of the body is sent with the length of the whole; with *close_delimited*
    nothing shows that the other half is missing. *rewritten* edits the body of a page. *raw* has
    the bytes of the next answers of a path: empty ones drop the connection. No answer is sent
    before *hold* is set. *missing* are paths that a mirror lacks, *delays* seconds by path.
    *head_status* is the answer to HEAD.
    """

    html_only: bool = False
    relative_urls: bool = False
    host_absolute_urls: bool = False
    no_etag: bool = False
    no_core_metadata: bool = False
    delay: float = 0
    delays: Mapping[str, float] = field(default_factory=dict)
    status: int | None = None
    head_status: int | None = None
    truncate: bool = False
    garbage: bool = False
    wrong_project: bool = False
    content_type: str | None = None
    rewritten: Callable[[bytes], bytes] | None = None
    close_delimited: bool = False
    redirect_to: str | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Iterator[bytes | None]] = field(default_factory=dict)
    missing: Collection[str] = ()
    hold: asyncio.Event | None = None


QUIRKS = web.RequestKey("quirks", Quirks)


@web.middleware
async def break_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Delay, refuse or truncate a finished answer."""
    quirks = request[QUIRKS]
    await asyncio.sleep(quirks.delays.get(request.path, quirks.delay))
    if quirks.hold is not None:
        await quirks.hold.wait()
    raw = next(quirks.raw.get(request.path, iter(())), None)
    if raw is not None:
        return _send_raw(request, raw)
    if request.path in quirks.missing:
        return _refusal(HTTPStatus.NOT_FOUND, {})
    is_head = request.method == hdrs.METH_HEAD
    status = (quirks.head_status if is_head else None) or quirks.status
    if status is not None:
        return _refusal(status, quirks.extra_headers)
    response = await handler(request)
    if not _is_whole_page(request, response):
        return response
    if quirks.truncate:
        _send_half(request, response, length=response.content_length)
    elif quirks.close_delimited:
        _send_half(request, response, length=None)
    return response


@web.middleware
async def edit_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Change a simple page before its headers are derived from it."""
    quirks = request[QUIRKS]
    if not request.path.startswith(SIMPLE):
        return await handler(request)
    if quirks.redirect_to is not None:
        return web.Response(status=302, headers={"Location": quirks.redirect_to})
    response = await handler(request)
    response.headers.update(quirks.extra_headers)
    if response.status != HTTPStatus.OK or not isinstance(response, web.Response):
        return response
    if quirks.garbage:
        response.body = GARBAGE
    if quirks.rewritten is not None and isinstance(response.body, bytes):
        response.body = quirks.rewritten(response.body)
    if quirks.content_type is not None:
        response.headers["Content-Type"] = quirks.content_type
    return response


def _refusal(status: int, headers: Mapping[str, str]) -> web.Response:
    text = f"{status} {HTTPStatus(status).phrase}"
    return web.Response(status=status, text=text, headers=headers)


def _is_whole_page(request: web.Request, response: web.StreamResponse) -> bool:
    is_page = request.path.startswith(SIMPLE) and request.method == "GET"
    return is_page and response.status == HTTPStatus.OK


def _send_half(request: web.Request, response: web.StreamResponse, *, length: int | None) -> None:
    """Write an answer to the socket, which aiohttp would never send."""
    if request.transport is None or not isinstance(response, web.Response):
        return
    body = response.body if isinstance(response.body, bytes) else b""
    lines = [f"{name}: {value}" for name, value in response.headers.items()]
    lines = [line for line in lines if not line.startswith("Content-Length:")]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "Connection: close", "", ""])
    _send_raw(request, head.encode() + body[: len(body) // 2])


def _send_raw(request: web.Request, raw: bytes) -> web.Response:
    """Write to the socket and close it; the returned response is not sent."""
    if request.transport is not None:
        request.transport.write(raw)
        request.transport.close()
    return web.Response()
