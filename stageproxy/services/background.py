"""Here is work that goes on after the request that began it, and ends with the server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from stageproxy.services.task_groups import one_failure

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Background:
    """Runs work by key, one of each at a time, for as long as its block lasts."""

    _group: asyncio.TaskGroup | None = None
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Let work be started; whatever still runs in the end is cancelled."""
        async with one_failure(), asyncio.TaskGroup() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                for task in self._running.values():
                    task.cancel()

    def start(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start *work*. What it raises is logged, and ends nothing else."""
        if self._group is None:
            return
        task = self._group.create_task(_guarded(key, work))
        self._running[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def is_running(self, key: str) -> bool:
        """Say whether the work of that key is under way."""
        return key in self._running

    def _forget(self, key: str, done: "asyncio.Task[None]") -> None:
        if self._running.get(key) is done:
            del self._running[key]


async def repeat_for_ever(
    key: str, work: Callable[[], Awaitable[object]], every: timedelta
) -> None:
    """Do *work* again and again. What it raises is logged: the next time all may be well."""
    while True:
        await _guarded(key, work)
        await asyncio.sleep(every.total_seconds())


async def _guarded(key: str, work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except Exception:
        # The outermost place: what arrives here is a bug of ours, or a disk that is full.
        log.exception("%s: background work failed", key)
