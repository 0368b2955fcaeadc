"""Events that clients can cause at any rate, and that are logged once a minute at most."""

from collections.abc import Callable
from dataclasses import dataclass

_EVERY = 60.0


@dataclass(slots=True)
class RareLog:
    """Counts events of one kind. *write* logs how many there were since the last line.

    Times are in seconds, of any clock.
    """

    write: Callable[[int], None]
    _count: int = 0
    _may_write_at: float | None = None

    def add(self, now: float) -> None:
        """Count an event. The first one is logged at once."""
        self._count += 1
        if self._may_write_at is None or now >= self._may_write_at:
            self.write(self._count)
            self._count = 0
            self._may_write_at = now + _EVERY
