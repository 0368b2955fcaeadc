"""Renewal of a lease during long work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from stageproxy.ports import JournalStore
from stageproxy.services.task_groups import one_failure


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
