"""A clock that tests set."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still."""

    time: datetime = NOON

    def now(self) -> datetime:
        """Return the time that was last set."""
        return self.time

    def advance(self, **length: float) -> None:
        """Let time pass: `advance(days=7)`."""
        self.time += timedelta(**length)
