"""The clock of this machine."""

from datetime import UTC, datetime


class SystemClock:
    """The time of this machine; see `ports.Clock`."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
        return datetime.now(UTC)
