"""Upstream's pages of other projects: passed on as they are, unless a link leaves the stage."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from aiohttp import hdrs, web

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.links import is_file
from stageproxy.core.index.negotiation import names_simple_api, simple_type_of
from stageproxy.core.index.pages import Document
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import UpstreamResponse
from stageproxy.web.conditional import conditional
from stageproxy.web.headers import PRIVATE, headers_of_edited
from stageproxy.web.keys import DOCUMENTS
from stageproxy.web.stage_path import split_stage_path

_LONGEST = 2**26
_GZIP = 31
_UNREADABLE = frozenset({"br", "zstd", "deflate", "compress"})


def may_be_page(request: web.Request) -> bool:
    """Return whether a request is one for the page of a project."""
    path = split_stage_path(request)[2]
    is_simple = path.startswith("simple/") and path != "simple/"
    is_page = is_simple or names_simple_api(request.headers.get(hdrs.ACCEPT, ""))
    return is_page and not is_file(path)


def readable_encodings(accepted: str) -> str:
    """Return the encodings of an Accept-Encoding header, without those that hide a page's links."""
    parts = [one.strip() for one in accepted.split(",")]
    readable = [one for one in parts if one.partition(";")[0].strip().lower() not in _UNREADABLE]
    return ", ".join(readable) or "identity"


async def answer_other_page(
    request: web.Request, stage: Stage, answer: UpstreamResponse, url: str, headers: dict[str, str]
) -> web.StreamResponse:
    """Return upstream's page at *url*. Its bytes change only if a link would leave the stage."""
    content_type = answer.headers.get(hdrs.CONTENT_TYPE, "")
    if simple_type_of(content_type) is None:
        return await stream(request, answer.chunks(), headers)
    received = await _receive(answer)
    body = await asyncio.to_thread(_decoded, received, answer.headers.get("Content-Encoding", ""))
    if body is not None:
        page = Document(body, "", content_type, url)
        path = split_stage_path(request)[2]
        edited = await request.app[DOCUMENTS].with_links(stage, page, path)
        if edited is not page:
            cache_control = headers.get(hdrs.CACHE_CONTROL, PRIVATE)
            own = headers_of_edited(answer.headers, content_type)
            return await conditional(request, edited, {**own, hdrs.CACHE_CONTROL: cache_control})
    return await stream(request, received.chunks(), headers)


async def stream(
    request: web.Request, chunks: AsyncIterator[bytes], headers: dict[str, str], status: int = 200
) -> web.StreamResponse:
    """Return a response whose body is sent as it is received."""
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        async for chunk in chunks:
            await response.write(chunk)
    except StageproxyError:
        # The status is sent; only closing the connection shows that the body is incomplete.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


@dataclass(frozen=True, slots=True)
class _Received:
    """The body of a response: what was received of it, and the rest or the failure."""

    body: Sequence[bytes] = field(repr=False)
    rest: AsyncIterator[bytes] | None = None
    failure: StageproxyError | None = None

    @property
    def is_whole(self) -> bool:
        return self.rest is None and self.failure is None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Return the whole body in chunks, or raise as its sender failed."""
        for chunk in self.body:
            yield chunk
        if self.failure is not None:
            raise self.failure
        if self.rest is not None:
            async for chunk in self.rest:
                yield chunk


async def _receive(answer: UpstreamResponse) -> _Received:
    """Receive a body. One that is too long for a page is left to be streamed."""
    body: list[bytes] = []
    size = 0
    rest = answer.chunks()
    try:
        async for chunk in rest:
            body.append(chunk)
            size += len(chunk)
            if size > _LONGEST:
                return _Received(body, rest)
    except StageproxyError as failure:
        return _Received(body, failure=failure)
    return _Received(body)


def _decoded(received: _Received, encoding: str) -> bytes | None:
    """Return the page, `None` if it is not whole or its encoding is not known."""
    body = b"".join(received.body)
    if not received.is_whole or encoding.lower() not in {"", "identity", "gzip"}:
        return None
    if encoding.lower() != "gzip":
        return body
    inflate = zlib.decompressobj(wbits=_GZIP)
    try:
        plain = inflate.decompress(body, _LONGEST)
    except zlib.error:
        return None
    return plain if inflate.eof else None
