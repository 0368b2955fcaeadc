"""Bytes in memory that the system can send like a file, without a copy for each client."""

import asyncio
import os
import weakref
from typing import Self


class MemoryFile:
    """A file in memory, as `loop.sendfile` takes one. It is gone when nothing refers to it."""

    mode = "rb"

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    async def of(cls, content: bytes) -> Self | None:
        """Return a file with that content, `None` where the system has no files in memory."""
        if not hasattr(os, "memfd_create"):
            return None
        try:
            return await asyncio.to_thread(cls._filled, content)
        except OSError:
            # There is no descriptor left, or no memory: it is sent in another way.
            return None

    @classmethod
    def _filled(cls, content: bytes) -> Self:
        file = cls(os.memfd_create("answer", os.MFD_CLOEXEC))
        left = memoryview(content)
        while left:
            left = left[os.write(file.fileno(), left) :]
        return file

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor
