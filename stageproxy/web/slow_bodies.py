"""How slowly the body of a request may arrive, and the watch on a body that is arriving.

A client that stalls would otherwise hold a connection, a task and a temporary file
for as long as it likes.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import StreamReader

_CHECKS = 10
"""How often a body is checked within the shorter of the two times."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How slowly a body may arrive: *min_rate* is in bytes per second over *period*."""

    stall_timeout: timedelta = timedelta(seconds=30)
    min_rate: int = 1000
    period: timedelta = timedelta(minutes=1)

    @property
    def check_every(self) -> float:
        """The seconds between two checks."""
        return min(self.stall_timeout, self.period).total_seconds() / _CHECKS


@dataclass(slots=True)
class BodyPace:
    """How a body has arrived so far. Times are in seconds, of any clock."""

    limits: BodyLimits
    grew_at: float
    size: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.restart(self.grew_at)

    def restart(self, now: float) -> None:
        """Forget how the body has arrived until *now*: the server itself was not reading."""
        self.grew_at = now
        self._samples.clear()
        self._samples.append((now, self.size))

    def add(self, now: float, size: int) -> None:
        """Note how many bytes of the body have arrived by *now*."""
        if size > self.size:
            self.grew_at, self.size = now, size

    def fault(self, now: float) -> str | None:
        """Return what is too slow, or `None`."""
        stall = self.limits.stall_timeout.total_seconds()
        if now - self.grew_at >= stall:
            return f"nothing arrived for {_seconds(stall)}"
        period = self.limits.period.total_seconds()
        self._sample(now, period)
        began, size = self._samples[0]
        rate = self.limits.min_rate
        if now - began >= period and self.size - size < rate * (now - began):
            return f"fewer than {rate} bytes a second arrived for {_seconds(period)}"
        return None

    def _sample(self, now: float, period: float) -> None:
        """Keep the samples of the last *period*, and the one at its start."""
        self._samples.append((now, self.size))
        while len(self._samples) > 1 and self._samples[1][0] <= now - period:
            self._samples.popleft()


class BodyWatch:
    """Watches one body after the other on a connection, and calls *shed* if one is too slow.

    Time while the server itself *is_paused* does not count.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: BodyLimits,
        is_paused: Callable[[], bool],
        shed: Callable[[StreamReader, str], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._is_paused = is_paused
        self._shed = shed
        self._body: StreamReader | None = None
        self._pace = BodyPace(limits, 0)
        self._timer: asyncio.TimerHandle | None = None

    def start(self, body: StreamReader) -> None:
        """Watch a body, unless it is watched or complete already."""
        if body is self._body:
            return
        self.stop()
        if body.is_eof():
            return
        self._body = body
        self._pace = BodyPace(self._limits, self._loop.time())
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


def _seconds(number: float) -> str:
    return f"{number:g} second" + ("" if number == 1 else "s")
