"""The bodies of prepared answers: bytes, large bodies that the system sends, and staged files."""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from stageproxy.web.serving.memory_files import MemoryFile

LARGEST_IN_MEMORY = 2**20
"""A larger body is sent by the system, from a file: it would be copied for each client."""


@dataclass(slots=True)
class LargeBody:
    """A body that the system sends: nothing of it is copied for each client."""

    content: bytes = field(repr=False)
    _file: MemoryFile | None = None
    _is_tried: bool = False

    @property
    def size(self) -> int:
        """How many bytes are kept: the content, and its file."""
        return 2 * len(self.content)

    async def open(self) -> MemoryFile | None:
        """Return its file, which is made once, `None` if there can be none."""
        if not self._is_tried:
            self._is_tried = True
            self._file = await MemoryFile.of(self.content)
        return self._file


@dataclass(slots=True)
class FileBody:
    """A body that is the whole content of a file, whose size in bytes is known.

    The content of a small one is kept, as long as the file is not touched.
    """

    path: Path
    length: int
    _content: bytes | None = field(default=None, repr=False)
    _read_from: tuple[int, int, int] | None = None

    @property
    def size(self) -> int:
        """How many bytes are kept, or will be when the file is asked for again."""
        return self.length if self.length <= LARGEST_IN_MEMORY else 0

    async def open(self) -> bytes | BinaryIO | None:
        """Return the content, or the file, which the caller closes.

        `None` if the file has another size, or cannot be opened.
        """
        try:
            state = os.stat(self.path)  # noqa: PTH116 - as fast as possible, and local
        except OSError:
            return None
        signature = (state.st_ino, state.st_mtime_ns, state.st_size)
        if state.st_size != self.length:
            return None
        if self.length > LARGEST_IN_MEMORY:
            return self._open()
        if self._content is None or signature != self._read_from:
            self._content = await asyncio.to_thread(self._read)
            self._read_from = signature
        return self._content

    def _open(self) -> BinaryIO | None:
        try:
            return self.path.open("rb", buffering=0)
        except OSError:
            return None

    def _read(self) -> bytes | None:
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        return content if len(content) == self.length else None


Body = bytes | LargeBody | FileBody
