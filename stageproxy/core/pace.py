"""How slowly bytes may arrive, and how they have arrived so far.

It holds for whatever waits for the other side: a request body, an answer that is being sent, an
answer of upstream.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

_CHECKS = 10
"""How often bytes that arrive are checked within the shorter of the two times."""


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """How slowly bytes may arrive: *min_rate* is in bytes per second over *period*."""

    stall_timeout: timedelta
    min_rate: int = 1000
    period: timedelta = timedelta(minutes=1)

    @property
    def check_every(self) -> float:
        """The seconds between two checks."""
        return min(self.stall_timeout, self.period).total_seconds() / _CHECKS


@dataclass(slots=True)
class BytePace:
    """How bytes have arrived so far. Times are in seconds, of any clock."""

    limits: PaceLimits
    grew_at: float
    size: int = 0
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.restart(self.grew_at)

    def restart(self, now: float) -> None:
        """Forget how bytes have arrived until *now*: the other side was not awaited."""
        self.grew_at = now
        self._samples.clear()
        self._samples.append((now, self.size))

    def add(self, now: float, size: int) -> None:
        """Note how many bytes have arrived in all by *now*."""
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


def _seconds(number: float) -> str:
    return f"{number:g} second" + ("" if number == 1 else "s")
