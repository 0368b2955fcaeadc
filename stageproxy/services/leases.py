"""The leases of a worker: what it may do alone, and how others learn that it has ended."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import StorageError
from stageproxy.core.leases import Lease, LeaseTimes, taken
from stageproxy.ports import Clock

log = logging.getLogger(__name__)

BACKGROUND = "background"
"""The lease of the worker that sweeps, reminds, and ends promotions that no worker carries out."""


def of_server(instance: str) -> str:
    """Return the name of the lease of the worker that looks after the machine of a server."""
    return f"server {instance}"


def of_promotion(stage_id: str) -> str:
    """Return the name of the lease of the worker that publishes a stage."""
    return f"promotion {stage_id}"


def of_upload(upload_id: str) -> str:
    """Return the name of the lease of the worker that completes a file upload."""
    return f"upload {upload_id}"


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one worker. *holder* is its id, which no other worker ever has.

    They go by the clock of the database, if it has one: those of several machines differ.
    """

    catalogue: Catalogue
    clock: Clock
    holder: str
    times: LeaseTimes = field(default_factory=LeaseTimes)
    _kept: Counter[str] = field(default_factory=Counter)

    def take(self, rows: Rows, name: str) -> bool:
        """Take a lease or renew it, within a transaction. Return whether this worker has it."""
        lease = self._taken(rows, name)
        if lease is not None:
            rows.leases.save(lease)
        return lease is not None

    def is_held(self, rows: Rows, name: str) -> bool:
        """Return whether any worker has a lease."""
        lease = rows.leases.find(name)
        return lease is not None and lease.is_valid(self._now(rows), self.times.length)

    async def try_to_take(self, name: str) -> bool:
        """Take a lease or renew it. Return whether this worker has it."""
        lease = await self.catalogue.read(lambda rows: self._taken(rows, name))
        if lease is None:
            return False
        if await self.catalogue.write_aside(lambda rows: self._renew(rows, name)):
            return True
        return await self.catalogue.write(lambda rows: self.take(rows, name))

    @contextmanager
    def kept(self, name: str) -> Iterator[None]:
        """Have `renew` renew a lease until the block ends, which does what the lease is for."""
        self._kept[name] += 1
        try:
            yield
        finally:
            self._kept[name] -= 1
            if not self._kept[name]:
                del self._kept[name]

    async def renew(self) -> None:
        """Renew the leases that are kept. Nothing is written if there are none.

        No answer depends on them, so that this neither waits for others nor makes them wait.
        """
        names = list(self._kept)
        if names:
            await self.catalogue.write_aside(lambda rows: [self._renew(rows, one) for one in names])

    async def end(self, holder: str) -> None:
        """End the leases of a worker, this or another one, which does nothing any more."""
        await self._end(lambda lease: lease.holder == holder)

    async def end_all(self) -> None:
        """End the leases of all workers: this is the start of a server, which has none yet."""
        await self._end(lambda _: True)

    def _now(self, rows: Rows) -> datetime:
        return rows.now() or self.clock.earliest()

    def _taken(self, rows: Rows, name: str) -> Lease | None:
        now, length = self._now(rows), self.times.length
        return taken(rows.leases.find(name), name, self.holder, now, length)

    def _renew(self, rows: Rows, name: str) -> bool:
        """Renew a lease, unless another worker has taken it."""
        return rows.leases.renew(name, self.holder, self._now(rows) + self.times.length)

    async def _end(self, is_meant: Callable[[Lease], bool]) -> None:
        def ending(rows: Rows) -> Sequence[Lease]:
            now, length = self._now(rows), self.times.length
            leases = rows.leases.list()
            return [one for one in leases if one.is_valid(now, length) and is_meant(one)]

        def work(rows: Rows) -> None:
            for lease in ending(rows):
                rows.leases.save(lease.ended(self._now(rows)))

        if await self.catalogue.read(ending):
            await self.catalogue.write(work)


async def work_alone(
    leases: Leases,
    name: str,
    work: Callable[[], Awaitable[None]],
    pause: Callable[[], Awaitable[object]],
) -> None:
    """Run *work*, which never ends, as long as this worker has the lease of that name.

    *pause* waits until it is time to renew the lease, or to try again to get it.
    """
    while True:
        if await _may_work(leases, name):
            await _work_until_lost(leases, name, work, pause)
        await pause()


async def _work_until_lost(
    leases: Leases,
    name: str,
    work: Callable[[], Awaitable[None]],
    pause: Callable[[], Awaitable[object]],
) -> None:
    async with asyncio.TaskGroup() as group:
        working = group.create_task(_awaited(work))
        await pause()
        while await _may_work(leases, name):
            await pause()
        working.cancel()
    log.warning("this worker has lost the lease %s", name)


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _may_work(leases: Leases, name: str) -> bool:
    """Return whether this worker certainly has a lease until it is to be renewed."""
    try:
        return await leases.try_to_take(name)
    except StorageError as error:
        log.error("the lease %s cannot be renewed: %s", name, error.sentence)  # noqa: TRY400 - known
        return False
