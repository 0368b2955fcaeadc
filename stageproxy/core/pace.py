"""How slowly a body may arrive: that of a client's request, or that of upstream's response."""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

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


def _seconds(number: float) -> str:
    return f"{number:g} second" + ("" if number == 1 else "s")
