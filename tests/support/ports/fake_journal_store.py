"""A journal store in memory that can die at any write, and lose its lease."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.ports import JournalStore


class DiedError(Exception):
    """The client was killed here."""


@dataclass(slots=True)
class FakeJournalStore:
    """Stores entries; see `ports.JournalStore`.

    *dies_before*, *dies_after*: the writes, counted from 1, at which the client
    is killed, before or after they are stored. *lost_at*: the call from which
    another client has the lease. `recorded`: all recorded entries.
    """

    stored: dict[str, Entry]
    dies_before: Collection[int] = ()
    dies_after: Collection[int] = ()
    lost_at: int | None = None
    writes: int = 0
    renewals: int = 0
    recorded: list[Entry] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    is_dead: bool = False

    async def entries(self) -> Journal:
        """Return the journal."""
        return dict(self.stored)

    async def record(self, entries: Sequence[Entry]) -> None:
        """Store the state of artifacts."""
        await self._write(entries)

    async def renew(self) -> None:
        """Renew the lease."""
        self._check()
        self.renewals += 1

    async def succeed(self) -> None:
        """Record that the stage is published."""
        await self._write((), ending="published")

    async def fail(self, reason: str) -> None:
        """Record why the promotion stopped."""
        await self._write((), ending=reason)

    async def _write(self, entries: Sequence[Entry], *, ending: str | None = None) -> None:
        await asyncio.sleep(0)
        self._check()
        self.writes += 1
        number = self.writes
        self._die_if(number in self.dies_before)
        self.stored.update((one.filename, one) for one in entries)
        self.recorded += entries
        if ending is not None:
            self.endings.append(ending)
        self._die_if(number in self.dies_after)

    def _check(self) -> None:
        self._die_if(self.is_dead)
        if self.lost_at is not None and self.writes + 1 >= self.lost_at:
            raise LostLeaseError

    def _die_if(self, killed: bool) -> None:  # noqa: FBT001 - reads as a condition
        if killed:
            self.is_dead = True
            raise DiedError


def fits_the_port(journal_store: FakeJournalStore) -> JournalStore:
    """Return the fake as its port, which mypy checks."""
    return journal_store
