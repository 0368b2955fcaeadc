"""The readiness of a server: its database, its directory of files, its disk."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stageproxy.core.index.staleness import Outage

_CHECK_SECONDS = 5
_MIB = 2**20
_LEAST_FREE = 64 * _MIB

Check = Callable[[], Awaitable[str | None]]
"""Checks one thing, and returns what is wrong with it, or `None`."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The checks that must pass before requests are accepted, and what else operators ask for.

    Upstream is not one of them: uploads and staged files work without it.
    """

    checks: Mapping[str, Check]
    upstream_failure: Callable[[], Outage | None]
    versions: Mapping[str, str]
    seconds: float = _CHECK_SECONDS

    async def problems(self) -> dict[str, str]:
        """Return the problems that were found, by the name of the check."""
        results = {name: await self._run(check) for name, check in self.checks.items()}
        return {name: problem for name, problem in results.items() if problem}

    async def _run(self, check: Check) -> str | None:
        """Return the result of a check. A disk that hangs, or a lock, gives none in time."""
        try:
            async with asyncio.timeout(self.seconds):
                return await check()
        except TimeoutError:
            return f"no answer within {self.seconds} s"


async def check_files(folder: Path) -> str | None:
    """Return a problem if the directory of staged files cannot be written to."""
    is_writable = await asyncio.to_thread(os.access, folder, os.W_OK | os.X_OK)
    return None if is_writable else "cannot write to the directory of staged files"


def free_bytes(folder: Path) -> int:
    """Return how many bytes are free on the disk of a directory."""
    return shutil.disk_usage(folder).free


async def check_disk(folder: Path, free: Callable[[Path], int] = free_bytes) -> str | None:
    """Return a problem if the disk of a directory is nearly full."""
    try:
        free_now = await asyncio.to_thread(free, folder)
    except OSError as error:
        return f"cannot read the free space on the disk ({error.strerror})"
    if free_now >= _LEAST_FREE:
        return None
    return f"{free_now // _MIB} MiB free on the disk, {_LEAST_FREE // _MIB} MiB needed"
