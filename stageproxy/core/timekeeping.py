"""The time, by a clock that may jump.

The wall clock of a machine can be wrong for a while: set by hand, by a virtual machine that
was paused, or before the network gave it the time. A second clock that only counts (ticks)
shows when it jumps. After a jump there are two times that it may be. Nothing that has
expired by either is served, and nothing is ended or deleted for good before it is due by both.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

TOLERANCE = timedelta(minutes=5)
SETTLED_AFTER = timedelta(hours=1)
"""How long the clock has to run evenly until its new time is taken for right."""
LONGEST_PAUSE = timedelta(days=1)
"""How long a server can have been stopped without doubt about the clock."""
_LONGEST_LEAD = timedelta(days=3650)
"""How far ahead no clock has been that anybody worked with: such a time is none."""
_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """The last reading of both clocks, and the time that it would be without the jump.

    `lead`: by how much the wall clock is ahead of that time; `jumped_at`: when it jumped, in
    ticks.
    """

    wall: datetime
    ticks: timedelta
    lead: timedelta = _NONE
    jumped_at: timedelta | None = None

    @classmethod
    def begun(cls, wall: datetime, ticks: timedelta, last_seen: datetime | None) -> Self:
        """Return the first reading. *last_seen*: the time that the last server saw, if any did."""
        pause = wall - last_seen if last_seen else _NONE
        if -TOLERANCE <= pause <= LONGEST_PAUSE or pause < -_LONGEST_LEAD:
            return cls(wall, ticks)
        return cls(wall, ticks, lead=pause, jumped_at=ticks)

    def read(self, wall: datetime, ticks: timedelta) -> Self:
        """Return the next reading."""
        jump = (wall - self.wall) - (ticks - self.ticks)
        now = replace(self, wall=wall, ticks=ticks)
        if abs(jump) > TOLERANCE:
            lead = self.lead + jump
            is_back = abs(lead) <= TOLERANCE
            return replace(
                now, lead=_NONE if is_back else lead, jumped_at=None if is_back else ticks
            )
        if self.jumped_at is not None and ticks - self.jumped_at >= SETTLED_AFTER:
            return replace(now, lead=_NONE, jumped_at=None)
        return now

    @property
    def latest(self) -> datetime:
        """The latest time that it may be now."""
        return max(self.wall, self.wall - self.lead)

    @property
    def earliest(self) -> datetime:
        """The earliest time that it may be now."""
        return min(self.wall, self.wall - self.lead)

    def notice(self) -> str | None:
        """Return the sentence for the operator of a machine whose clock has jumped."""
        if self.jumped_at is None:
            return None
        direction = "ahead" if self.lead > _NONE else "back"
        return (
            f"The clock jumped {direction} by {abs(self.lead) // timedelta(minutes=1)} minutes. "
            "Until it has run evenly for an hour, no stage ends and no file is deleted. Check "
            "the time of the machine."
        )
