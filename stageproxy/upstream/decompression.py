"""Decompression of bodies in gzip, with limits on their size and compression ratio."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from stageproxy.core.errors import UpstreamFailedError

_GZIP = 31
_CHUNK = 2**20
_TRUNCATED = "PyPI's answer is truncated."
_ANY_RATIO = 2**20
"""The decompressed size up to which any compression ratio is accepted."""
_MOST_RATIO = 100
"""The maximum compression ratio of larger bodies. That of pages is about 10."""
_NOT_GZIP = "PyPI's answer cannot be decompressed."


class GzipDecoder:
    """A decoder of one body of at most *longest* bytes and one gzip member."""

    def __init__(self, longest: int) -> None:
        self._inflate = zlib.decompressobj(wbits=_GZIP)
        self._longest = longest
        self._received = 0
        self._returned = 0

    @property
    def is_complete(self) -> bool:
        """Whether the end of the body was reached."""
        return self._inflate.eof

    def __call__(self, chunk: bytes) -> bytes:
        """Return the decompressed bytes of the next *chunk*."""
        self._received += len(chunk)
        limit = min(self._longest, max(_ANY_RATIO, _MOST_RATIO * self._received))
        left = limit - self._returned
        try:
            piece = self._inflate.decompress(chunk, left + 1)
        except zlib.error as error:
            raise UpstreamFailedError(_NOT_GZIP) from error
        if self._inflate.unused_data:
            raise UpstreamFailedError(_NOT_GZIP)
        self._returned += len(piece)
        if len(piece) > left or self._received > self._longest:
            raise too_long(self._longest)
        return piece


async def decoded(encoding: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return a body of any length, decoded. *encoding*: its Content-Encoding.

    Decompressed chunks have at most 1 MiB.
    """
    check_encoding(encoding)
    if encoding.lower() != "gzip":
        async for chunk in chunks:
            yield chunk
        return
    inflate = zlib.decompressobj(wbits=_GZIP)
    async for chunk in chunks:
        rest = chunk
        while rest and not inflate.eof:
            yield await asyncio.to_thread(_decompressed, inflate, rest)
            rest = inflate.unconsumed_tail
    if not inflate.eof:
        raise UpstreamFailedError(_TRUNCATED)


def check_encoding(encoding: str) -> None:
    """Raise `UpstreamFailedError` unless a Content-Encoding is one that was requested."""
    if encoding.lower() not in {"", "identity", "gzip"}:
        msg = f"PyPI answered in an encoding that was not requested: {encoding}."
        raise UpstreamFailedError(msg)


def _decompressed(inflate: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        return inflate.decompress(packed, _CHUNK)
    except zlib.error as error:
        raise UpstreamFailedError(_NOT_GZIP) from error


def too_long(longest: int) -> UpstreamFailedError:
    """Return the error on a page that exceeds the size limit."""
    return UpstreamFailedError(f"PyPI's page is longer than {longest} bytes.")
