"""The readiness of a server: its database, its directory of files, its disk."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from stageproxy.core.disk_space import DiskSpace, shortage
from stageproxy.core.index.staleness import Outage

_CHECK_SECONDS = 5
_FRESH_SECONDS = 1.0

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
    clock_notice: Callable[[], str | None] = lambda: None
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


@dataclass(slots=True)
class SparingCheck:
    """A check that writes to the disk: not repeated for a second after it found nothing.

    Anybody may ask whether the server is ready, as often as they like.
    """

    check: Check
    seconds: float = _FRESH_SECONDS
    _fresh_until: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self) -> str | None:
        """Return what the check finds."""
        time = asyncio.get_running_loop().time
        async with self._lock:
            if time() < self._fresh_until:
                return None
            problem = await self.check()
            if problem is None:
                self._fresh_until = time() + self.seconds
            return problem


@dataclass(frozen=True, slots=True)
class DiskCheck:
    """Checks that uploads find room on the disk; *space* and *floor* are read each time."""

    space: Callable[[], DiskSpace]
    floor: Callable[[], int]

    async def __call__(self) -> str | None:
        """Return a problem if the disk is nearly full."""
        try:
            return shortage(await asyncio.to_thread(self.space), self.floor())
        except OSError as error:
            return f"cannot read the free space on the disk ({error.strerror}). Check the disk."
