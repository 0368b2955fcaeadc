"""What follows the end of a tar: its padding, or bytes that readers ignore."""

import tarfile
import zlib
from typing import Protocol

from stageproxy.core.archives.contents import PIECE

LONGEST_PADDING = 2**20
"""How many zeros may follow the end of a tar: the largest blocks that tar is known to write."""

_MOST_READ = 64 * 2**20
_MIB = 2**20
_DAMAGES = (tarfile.TarError, zlib.error, EOFError, OSError)


class Readable(Protocol):
    """Something that can be read: the stream of a tar."""

    def read(self, size: int, /) -> bytes:
        """Return up to *size* bytes, none at the end."""


def suspicious_end(rest: Readable) -> str | None:
    """Return a sentence on the *rest* of an unpacked tar, `None` if it is padding.

    At most 64 MiB are read: bytes that nobody needs could be any number.
    """
    zeros = 0
    try:
        while zeros < _MOST_READ and (piece := rest.read(PIECE)):
            if piece.count(0) < len(piece):
                return "Other bytes follow the end of the tar, and installers ignore them."
            zeros += len(piece)
    except _DAMAGES:
        return "After the end of the tar, the gzip file is damaged or followed by other bytes."
    if zeros <= LONGEST_PADDING:
        return None
    least = "at least " if zeros >= _MOST_READ else ""
    return f"The end of the tar is followed by {least}{zeros // _MIB} MiB of zeros."
