"""Failures of the server itself while it publishes: how long it waits after them, and when it ends.

A store of files that fails for a minute is no reason to leave a release half published.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stageproxy.core.promotion.journal import Journal, Progress
from stageproxy.core.promotion.plan import Pace

_SETTLED = frozenset({Progress.SENT, Progress.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row: since when, how many, and how many files had been published by then."""

    since: datetime
    count: int
    published: int

    def pause(self, now: datetime, pace: Pace) -> timedelta | None:
        """Return how long to wait before the next attempt, `None` if it is time to end.

        That is after as many attempts as the pace has, and not before its patience is over: a
        long failure of the database counts once.
        """
        if self.count >= pace.attempts and abs(now - self.since) >= pace.patience:
            return None
        return pace.pause_after(self.count)


def count_failure(earlier: Failures | None, journal: Journal, now: datetime) -> Failures:
    """Return the failures in a row with one more. Files that got through end the row before it."""
    published = sum(entry.progress in _SETTLED for entry in journal.values())
    if earlier is None or published > earlier.published:
        return Failures(now, 1, published)
    return replace(earlier, count=earlier.count + 1)
