"""The clock of this machine."""

from datetime import UTC, datetime


class SystemClock:
    """The time of this machine; see `ports.Clock`."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
        return datetime.now(UTC)

    def earliest(self) -> datetime:
        """Return the present time: no jump of the clock is noticed."""
        return self.now()

    def notice(self) -> None:
        """Return nothing, for the same reason."""
