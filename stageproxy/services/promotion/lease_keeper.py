"""Here is how a lease is kept while something takes long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.ports import JournalStore


@asynccontextmanager
async def renewing_lease(journal_store: JournalStore, every: timedelta) -> AsyncIterator[None]:
    """Renew the lease for as long as the block lasts; end the block if it was lost."""

    async def renew_for_ever() -> None:
        while True:
            await asyncio.sleep(every.total_seconds())
            await journal_store.renew()

    async with one_failure(), asyncio.TaskGroup() as group:
        renewing = group.create_task(renew_for_ever())
        yield
        renewing.cancel()


@asynccontextmanager
async def one_failure() -> AsyncIterator[None]:
    """Raise one failure of a group as it is: whoever waits for the block knows no groups."""
    try:
        yield
    except ExceptionGroup as group:
        lost, others = group.split(LostLeaseError)
        failure: BaseException = lost or others or group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from group
