"""Renewal of a lease during long work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from stageproxy.ports import JournalStore
from stageproxy.services.background import one_failure


@asynccontextmanager
async def renewing_lease(journal_store: JournalStore, every: timedelta) -> AsyncIterator[None]:
    """Renew the lease as long as the block runs. Cancel the block if the lease is lost."""

    async def renew_forever() -> None:
        while True:
            await asyncio.sleep(every.total_seconds())
            await journal_store.renew()

    async with one_failure(), asyncio.TaskGroup() as group:
        renewing = group.create_task(renew_forever())
        yield
        renewing.cancel()
