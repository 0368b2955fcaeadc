"""Here is whether the server has what it needs of its machine."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stageproxy.core.errors import StageproxyError

_CHECK_SECONDS = 5
_MIB = 2**20
_LEAST_FREE = 64 * _MIB

Check = Callable[[], Awaitable[str | None]]
"""Looks at one thing, and returns what is wrong with it, if something is."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What must work before requests are taken, and what else an operator asks for.

    Upstream comes last: while it is ill, uploads and staged files still work.
    """

    checks: Mapping[str, Check]
    upstream_failure: Callable[[], StageproxyError | None]
    versions: Mapping[str, str]
    seconds: float = _CHECK_SECONDS

    async def problems(self) -> dict[str, str]:
        """Return what is wrong, by the name of the check that found it."""
        found = {name: await self._found(check) for name, check in self.checks.items()}
        return {name: problem for name, problem in found.items() if problem}

    async def _found(self, check: Check) -> str | None:
        """Return what a check finds. A disk that hangs, or a lock, answers nothing at all."""
        try:
            async with asyncio.timeout(self.seconds):
                return await check()
        except TimeoutError:
            return f"no answer within {self.seconds} s"


async def files_can_be_written(folder: Path) -> str | None:
    """Return that the folder of staged files is closed to us, if it is."""
    is_open = await asyncio.to_thread(os.access, folder, os.W_OK | os.X_OK)
    return None if is_open else "cannot write to the directory of staged files"


def free_bytes(folder: Path) -> int:
    """Return how many bytes fit on the disk that a folder is on."""
    return shutil.disk_usage(folder).free


async def disk_has_room(folder: Path, free: Callable[[Path], int] = free_bytes) -> str | None:
    """Return how little room there is on the disk, if it is as good as full."""
    try:
        room = await asyncio.to_thread(free, folder)
    except OSError as error:
        return f"cannot read the free space on the disk ({error.strerror})"
    if room >= _LEAST_FREE:
        return None
    return f"{room // _MIB} MiB free on the disk, {_LEAST_FREE // _MIB} MiB needed"
