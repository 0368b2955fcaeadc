"""A clock that stands still until a test moves it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """A time that tests set."""

    moment: datetime = NOON

    def now(self) -> datetime:
        """Return the time that was set last."""
        return self.moment

    def advance(self, **length: float) -> None:
        """Let time pass: `advance(days=7)`."""
        self.moment += timedelta(**length)
