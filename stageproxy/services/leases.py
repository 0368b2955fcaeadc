"""The leases of a worker: what it may do alone, and how others learn that it has ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import StorageError
from stageproxy.core.leases import Lease, taken
from stageproxy.ports import Clock

log = logging.getLogger(__name__)

BACKGROUND = "background"
"""The lease of the worker that sweeps, reminds, and ends promotions that no worker carries out."""


def of_promotion(stage_id: str) -> str:
    """Return the name of the lease of the worker that publishes a stage."""
    return f"promotion {stage_id}"


def of_upload(upload_id: str) -> str:
    """Return the name of the lease of the worker that completes a file upload."""
    return f"upload {upload_id}"


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one worker. *holder* is its id, which no other worker ever has."""

    catalogue: Catalogue
    clock: Clock
    holder: str

    def take(self, rows: Rows, name: str) -> bool:
        """Take a lease or renew it, within a transaction. Return whether this worker has it."""
        lease = taken(rows.leases.find(name), name, self.holder, self.clock.earliest())
        if lease is not None:
            rows.leases.save(lease)
        return lease is not None

    def is_held(self, rows: Rows, name: str) -> bool:
        """Return whether any worker has a lease."""
        lease = rows.leases.find(name)
        return lease is not None and lease.is_valid(self.clock.earliest())

    async def try_to_take(self, name: str) -> bool:
        """Take a lease or renew it. Return whether this worker has it."""
        lease = await self.catalogue.read(lambda rows: rows.leases.find(name))
        if taken(lease, name, self.holder, self.clock.earliest()) is None:
            return False
        return await self.catalogue.write(lambda rows: self.take(rows, name))

    async def renew(self) -> None:
        """Renew every lease that this worker has. Nothing is written if it has none."""
        leases = await self.catalogue.read(lambda rows: rows.leases.list())
        if any(one.holder == self.holder for one in leases):
            await self.catalogue.write(self._renew)

    async def end(self, holder: str) -> None:
        """End the leases of a worker, this or another one, which does nothing any more."""
        await self._end(lambda lease: lease.holder == holder)

    async def end_all(self) -> None:
        """End the leases of all workers: this is the start of a server, which has none yet."""
        await self._end(lambda _: True)

    def _renew(self, rows: Rows) -> None:
        now = self.clock.earliest()
        for lease in rows.leases.list():
            if lease.holder == self.holder:
                rows.leases.save(lease.renewed(now))

    async def _end(self, is_meant: Callable[[Lease], bool]) -> None:
        now = self.clock.earliest()

        def ending(rows: Rows) -> Sequence[Lease]:
            return [one for one in rows.leases.list() if one.is_valid(now) and is_meant(one)]

        def work(rows: Rows) -> None:
            for lease in ending(rows):
                rows.leases.save(lease.ended(now))

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
