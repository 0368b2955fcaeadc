"""Leases: the right of one worker to do something alone, for a time.

A worker may be killed, and its clock may jump. So a lease lapses by itself, it is longer
than every jump that passes unnoticed, and each new holder gets a higher number, the fence, by
which late writes of a former holder can be told apart.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from stageproxy.core.timekeeping import TOLERANCE

RENEWED_EVERY = timedelta(minutes=1)
LENGTH = TOLERANCE + RENEWED_EVERY
"""How long a lease lasts after its last renewal: a clock that jumps by less lets none lapse."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long leases last after their last renewal, and how often they are renewed.

    By default they are for the workers of one machine, which go by its clock.
    `looked_for_every`: how often work is looked for whose lease has lapsed.
    """

    length: timedelta = LENGTH
    renewed_every: timedelta = RENEWED_EVERY
    looked_for_every: timedelta = RENEWED_EVERY

    @classmethod
    def of_length(cls, length: timedelta) -> Self:
        """Return the times of leases that outlast one renewal that fails."""
        return cls(length, length / 3, length / 6)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease by the name of its work. *holder* is the id of a worker."""

    name: str
    holder: str
    fence: int
    until: datetime

    def is_valid(self, now: datetime, length: timedelta = LENGTH) -> bool:
        """Return whether the holder still has the lease.

        One that ends too far in the future is none: the clock was set back since.
        """
        return now < self.until <= now + 2 * length

    def renewed(self, now: datetime, length: timedelta = LENGTH) -> Self:
        """Return the lease with its whole length before it."""
        return replace(self, until=now + length)

    def ended(self, now: datetime) -> Self:
        """Return the lease as one that anybody may take. Its fence is never used again."""
        return replace(self, until=now)


def taken(
    former: Lease | None, name: str, holder: str, now: datetime, length: timedelta = LENGTH
) -> Lease | None:
    """Return the lease of a holder, new or renewed; `None` while another one has it."""
    if former is None:
        return Lease(name, holder, 1, now).renewed(now, length)
    if former.holder == holder:
        return former.renewed(now, length)
    if former.is_valid(now, length):
        return None
    return Lease(name, holder, former.fence + 1, now).renewed(now, length)
