"""Here is gzip, unpacked piece by piece: never more than allowed, nor than a page can shrink."""

import zlib

from stageproxy.core.errors import UpstreamFailedError

_GZIP = 31
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


def too_long(longest: int) -> UpstreamFailedError:
    """Return the failure of a page that is longer than allowed, or would be."""
    return UpstreamFailedError(f"PyPI's page is longer than {longest} bytes.")
