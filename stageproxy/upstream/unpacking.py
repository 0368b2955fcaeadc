"""Bodies in gzip, decompressed chunk by chunk: never more than allowed, nor than a page shrinks."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from stageproxy.core.errors import UpstreamFailedError

_GZIP = 31
_CHUNK = 2**20
_CUT_OFF = "PyPI's answer is truncated."
_ANY_RATIO = 2**20
"""Bytes that may come out of however few."""
_MOST_RATIO = 100
"""How many bytes may come out of one, in more than that. Pages shrink to a tenth."""
_NOT_GZIP = "PyPI's answer cannot be decompressed."


class Unpacker:
    """One body of at most *longest* bytes. What follows the first member of it is refused."""

    def __init__(self, longest: int) -> None:
        self._inflate = zlib.decompressobj(wbits=_GZIP)
        self._longest = longest
        self._taken = 0
        self._given = 0

    @property
    def is_done(self) -> bool:
        """Say whether the end has come."""
        return self._inflate.eof

    def __call__(self, chunk: bytes) -> bytes:
        """Return what is in the next *chunk*."""
        self._taken += len(chunk)
        left = min(self._longest, max(_ANY_RATIO, _MOST_RATIO * self._taken)) - self._given
        try:
            piece = self._inflate.decompress(chunk, left + 1)
        except zlib.error as error:
            raise UpstreamFailedError(_NOT_GZIP) from error
        if self._inflate.unused_data:
            raise UpstreamFailedError(_NOT_GZIP)
        self._given += len(piece)
        if len(piece) > left or self._taken > self._longest:
            raise too_long(self._longest)
        return piece


async def decoded(encoding: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return a body of any length, decoded. *encoding*: its Content-Encoding.

    A chunk that is decompressed is split where it would be larger than 1 MiB.
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
        raise UpstreamFailedError(_CUT_OFF)


def check_encoding(encoding: str) -> None:
    """Raise unless a Content-Encoding is one of those that are asked for."""
    if encoding.lower() not in {"", "identity", "gzip"}:
        msg = f"PyPI answered in an encoding that was not requested: {encoding}."
        raise UpstreamFailedError(msg)


def _decompressed(inflate: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        return inflate.decompress(packed, _CHUNK)
    except zlib.error as error:
        raise UpstreamFailedError(_NOT_GZIP) from error


def too_long(longest: int) -> UpstreamFailedError:
    """Return the failure of a page that is longer than allowed, or would be."""
    return UpstreamFailedError(f"PyPI's page is longer than {longest} bytes.")
