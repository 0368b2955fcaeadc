"""A clock that tests set."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still. *doubt*: how much earlier it may be, after a jump."""

    time: datetime = NOON
    doubt: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Return the time that was last set."""
        return self.time

    def earliest(self) -> datetime:
        """Return the earliest time that it may be."""
        return self.time - self.doubt

    def notice(self) -> str | None:
        """Return the sentence on a clock that has jumped."""
        return "The clock jumped." if self.doubt else None

    def advance(self, **length: float) -> None:
        """Let time pass: `advance(days=7)`."""
        self.time += timedelta(**length)
