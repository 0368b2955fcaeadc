"""Work in the background: it outlives the request that started it, and ends with the server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from stageproxy.core.errors import StageproxyError
from stageproxy.core.promotion.promotion import LostLeaseError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Background:
    """Runs work by key, one of each at a time, until its block ends."""

    _group: asyncio.TaskGroup | None = None
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Accept work until the block ends, and cancel what still runs then."""
        async with one_failure(), asyncio.TaskGroup() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                for task in self._running.values():
                    task.cancel()

    def start(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Start *work*. An error of it is logged and affects nothing else."""
        if self._group is None:
            return
        task = self._group.create_task(guarded(key, work))
        self._running[key] = task
        task.add_done_callback(lambda done: self._remove(key, done))

    def stop(self, key: str) -> None:
        """Cancel the work of a key, if it is running."""
        if task := self._running.pop(key, None):
            task.cancel()

    def is_running(self, key: str) -> bool:
        """Return whether the work of a key is running."""
        return key in self._running

    async def wait(self, key: str, seconds: float) -> None:
        """Wait until the work of a key has ended, for some seconds at most."""
        if key in self._running:
            await asyncio.wait([self._running[key]], timeout=seconds)

    def _remove(self, key: str, done: "asyncio.Task[None]") -> None:
        if self._running.get(key) is done:
            del self._running[key]


async def repeat(key: str, work: Callable[[], Awaitable[object]], every: timedelta) -> None:
    """Run *work* every so often. An error of it is logged: the next run may succeed."""
    while True:
        await guarded(key, work)
        await asyncio.sleep(every.total_seconds())


async def guarded(key: str, work: Callable[[], Awaitable[object]]) -> None:
    """Run *work*, and log an error of it."""
    try:
        await work()
    except StageproxyError as error:
        log.error("background task %s failed: %s", key, error.sentence)  # noqa: TRY400 - no bug
    except Exception:
        # Nothing above handles it: it is a bug.
        log.exception("background task %s failed", key)


@asynccontextmanager
async def one_failure() -> AsyncIterator[None]:
    """Raise one failure of an exception group alone, a lost lease first.

    Callers handle single exceptions, not groups.
    """
    try:
        yield
    except ExceptionGroup as group:
        lost, others = group.split(LostLeaseError)
        failure: BaseException = lost or others or group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from group
