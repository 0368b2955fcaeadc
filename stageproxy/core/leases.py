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
class Lease:
    """A lease by the name of its work. *holder* is the id of a worker."""

    name: str
    holder: str
    fence: int
    until: datetime

    def is_valid(self, now: datetime) -> bool:
        """Return whether the holder still has the lease.

        One that ends too far in the future is none: the clock was set back since.
        """
        return now < self.until <= now + 2 * LENGTH

    def renewed(self, now: datetime) -> Self:
        """Return the lease with its whole length before it."""
        return replace(self, until=now + LENGTH)

    def ended(self, now: datetime) -> Self:
        """Return the lease as one that anybody may take. Its fence is never used again."""
        return replace(self, until=now)


def taken(former: Lease | None, name: str, holder: str, now: datetime) -> Lease | None:
    """Return the lease of a holder, new or renewed; `None` while another one has it."""
    if former is None:
        return Lease(name, holder, 1, now).renewed(now)
    if former.holder == holder:
        return former.renewed(now)
    if former.is_valid(now):
        return None
    return Lease(name, holder, former.fence + 1, now).renewed(now)
