"""How often something may happen: one bucket for each key, refilled evenly."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_NONE = timedelta(0)
_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *most* events at once, and as many again within each *period*; 0 is no limit."""

    most: int
    period: timedelta

    @property
    def interval(self) -> timedelta:
        """How long it takes until there is room for one more event."""
        return self.period / self.most if self.most else _NONE


class RateLimiter(Generic[Key]):
    """Counts events by key, such as a token or an address, and refuses those beyond a rate.

    Of a key only one time is remembered: when its bucket is full again. Keys whose buckets
    are full are forgotten, and beyond *most_keys* those that were used least recently.
    """

    def __init__(self, rate: Rate, *, most_keys: int = _MOST_KEYS) -> None:
        self.rate = rate
        self._most_keys = most_keys
        self._full_at: OrderedDict[Key, datetime] = OrderedDict()
        self._counted: dict[Key, int] | None = None

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._full_at)

    def wait(self, key: Key, now: datetime) -> timedelta:
        """Return how long *key* has to wait for its next event; nothing is counted."""
        if not self.rate.most:
            return _NONE
        return max(_NONE, self._missing(key, now) + self.rate.interval - self.rate.period)

    def used(self, key: Key, now: datetime) -> int:
        """Return how many events of *key* count at present, at most the rate's number."""
        if not self.rate.most:
            return 0
        return -(-self._missing(key, now) // self.rate.interval)

    def count(self, key: Key, now: datetime) -> None:
        """Count an event, whether or not it is within the rate."""
        if not self.rate.most:
            return
        missing = min(self._missing(key, now) + self.rate.interval, self.rate.period)
        self._fill(key, now + missing, now)
        if self._counted is not None and len(self._counted) < self._most_keys:
            self._counted[key] = self._counted.get(key, 0) + 1

    def take(self, key: Key, now: datetime) -> timedelta:
        """Count an event if it is within the rate. Return how long to wait if it is not."""
        wait = self.wait(key, now)
        if not wait:
            self.count(key, now)
        return wait

    def share(self) -> None:
        """Remember from now on what is counted until it is drained, for others to add it up."""
        self._counted = {}

    def drain(self) -> Mapping[Key, int]:
        """Return how many events of each key were counted since the last time."""
        drained, self._counted = self._counted or {}, {}
        return drained

    def add_up(self, key: Key, missing: timedelta, now: datetime) -> None:
        """Note what is missing in a bucket after the events that others have counted."""
        counted = (self._counted or {}).get(key, 0) * self.rate.interval
        self._fill(key, now + min(missing + counted, self.rate.period), now)

    def _fill(self, key: Key, full_at: datetime, now: datetime) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        self._forget(now)

    def _missing(self, key: Key, now: datetime) -> timedelta:
        """Return what is missing in a bucket, as the time in which it is refilled.

        It is never more than a period, even if the clock was set back.
        """
        full_at = self._full_at.get(key, now)
        return min(max(full_at - now, _NONE), self.rate.period)

    def _forget(self, now: datetime) -> None:
        """Forget the keys used least recently that are full, or that there is no room for."""
        while self._full_at:
            oldest = next(iter(self._full_at))
            if len(self._full_at) <= self._most_keys and self._full_at[oldest] > now:
                return
            del self._full_at[oldest]
