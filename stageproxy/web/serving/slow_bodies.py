"""The watch on the body of a request that is arriving.

A client that stalls would otherwise hold a connection, a task and a temporary file
for as long as it likes.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from aiohttp import StreamReader

from stageproxy.core.pace import BytePace, PaceLimits

BODY_PACE = PaceLimits(stall_timeout=timedelta(seconds=30))


class BodyWatch:
    """Watches one body after the other on a connection, and calls *shed* if one is too slow.

    Time while the server itself *is_paused* does not count.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: PaceLimits,
        is_paused: Callable[[], bool],
        shed: Callable[[StreamReader, str], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._is_paused = is_paused
        self._shed = shed
        self._body: StreamReader | None = None
        self._pace = BytePace(limits, 0)
        self._timer: asyncio.TimerHandle | None = None

    def start(self, body: StreamReader) -> None:
        """Watch a body, unless it is watched or complete already."""
        if body is self._body:
            return
        self.stop()
        if body.is_eof():
            return
        self._body = body
        self._pace = BytePace(self._limits, self._loop.time())
        self._schedule()

    def data_received(self) -> None:
        """Note that bytes have arrived, maybe some of the body."""
        if self._body is not None:
            self._pace.add(self._loop.time(), self._body.total_bytes)

    def stop(self) -> None:
        """Watch nothing until the next body."""
        self._body = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = self._loop.call_later(self._limits.check_every, self._check)

    def _check(self) -> None:
        body, now = self._body, self._loop.time()
        if body is None or body.is_eof():
            self.stop()
            return
        if self._is_paused():
            self._pace.restart(now)
        fault = self._pace.fault(now)
        if fault is None:
            self._schedule()
            return
        self.stop()
        self._shed(body, fault)
