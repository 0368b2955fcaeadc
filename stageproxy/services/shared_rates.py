"""Rates that hold for all servers together, within a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.rates import RateLimiter
from stageproxy.ports import Clock

EXCHANGED_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SharedRates:
    """Adds up what the limiters of all servers count. Each decides by what it knows.

    So no request waits for the database, and a client that asks every server can get a little
    more than the rate. *limiters*: those of this server, by name.
    """

    catalogue: Catalogue
    clock: Clock
    limiters: Mapping[str, RateLimiter[Any]]

    def share(self) -> None:
        """Have the limiters remember what they count."""
        for limiter in self.limiters.values():
            limiter.share()

    async def exchange(self) -> None:
        """Add what was counted here since the last time, and learn what others have counted.

        What cannot be added counts on this server alone.
        """
        counted = {name: limiter.drain() for name, limiter in self.limiters.items()}
        events = [_Events(name, key, n) for name, one in counted.items() for key, n in one.items()]
        if not events:
            return
        # Always in the same order, so that two servers do not wait for each other.
        events.sort(key=lambda one: one.digest)
        missing = await self.catalogue.write_aside(lambda rows: self._added(rows, events))
        now = self.clock.now()
        for one in events:
            self.limiters[one.limiter].add_up(one.key, missing[one.digest], now)

    def _added(self, rows: Rows, events: "list[_Events]") -> Mapping[str, timedelta]:
        now = rows.now() or self.clock.now()
        return {one.digest: self._add(rows, one, now) for one in events}

    def _add(self, rows: Rows, events: "_Events", now: datetime) -> timedelta:
        rate = self.limiters[events.limiter].rate
        return rows.rates.add(events.digest, rate.interval * events.number, rate.period, now)


@dataclass(frozen=True, slots=True)
class _Events:
    """How many events of a key a limiter has counted."""

    limiter: str
    key: object
    number: int

    @property
    def digest(self) -> str:
        """The name of the bucket, which shows no address of a client."""
        return sha256(f"{self.limiter}\n{self.key!r}".encode()).hexdigest()
