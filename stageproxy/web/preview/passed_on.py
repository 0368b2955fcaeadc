"""Staged files whose bytes are elsewhere: the server passes them on as they arrive."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from stageproxy.core.errors import FailedBucketError, OtherBytesError, StorageError
from stageproxy.ports import BytesElsewhere
from stageproxy.web.answers.ranges import Part

log = logging.getLogger(__name__)


async def passed_on(
    request: web.Request,
    stored: BytesElsewhere,
    sha256: str,
    headers: Mapping[str, str],
    part: Part | None,
) -> web.StreamResponse:
    """Send a stored file, or a *part* of it.

    The first bytes are there before the answer begins, so that a store that fails is answered with
    an error. Afterwards the connection is closed: an answer that is short or damaged never ends as
    if it were complete.
    """
    first, end = (0, stored.size) if part is None else (part.first, part.last + 1)
    response = web.StreamResponse(
        status=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
        headers={**headers, hdrs.ACCEPT_RANGES: "bytes"},
    )
    if part is not None:
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {first}-{part.last}/{stored.size}"
    response.content_length = end - first
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    pieces = stored.read(first, end)
    if end - first == stored.size:
        pieces = _verified(pieces, sha256)
    await _send(request, response, pieces)
    return response


def redirect_to_store(signed_url: str) -> web.Response:
    """Return a redirect to a file in its store. The URL is a secret, and soon opens nothing."""
    return web.Response(
        status=HTTPStatus.TEMPORARY_REDIRECT,
        headers={hdrs.LOCATION: signed_url, hdrs.CACHE_CONTROL: "no-store"},
    )


async def _send(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> None:
    piece = await _next(pieces)
    await response.prepare(request)
    while piece:
        await response.write(piece)
        try:
            piece = await _next(pieces)
        except StorageError as error:
            log.warning("a file was not sent to its end: %s", error.sentence)
            # The client would take what it has for the whole file.
            raise ConnectionResetError("The rest of the file did not arrive.") from error
    await response.write_eof()


async def _next(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the next piece, empty at the end."""
    try:
        return await anext(pieces, b"")
    except FileNotFoundError as error:
        raise FailedBucketError("a file has disappeared while it was read") from error


async def _verified(pieces: AsyncIterator[bytes], sha256: str) -> AsyncIterator[bytes]:
    """Yield the pieces of a whole file, the last one only if all have its digest."""
    digest, last = hashlib.sha256(), b""
    async for piece in pieces:
        await asyncio.to_thread(digest.update, piece)
        if last:
            yield last
        last = piece
    if digest.hexdigest() != sha256:
        raise OtherBytesError
    yield last
