"""What a running server does beside its requests: leases, sweeps, promotions left behind."""

import asyncio
from datetime import timedelta
from functools import partial

from stageproxy.core.leases import RENEWED_EVERY
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.wiring import Service
from stageproxy.services.background import repeat

_SWEEP_EVERY = timedelta(hours=1)
_WATCH_EVERY = timedelta(minutes=1)


async def renew_leases(service: Service) -> None:
    """Renew the leases of this worker, as long as it runs."""
    await repeat("leases", service.leases.renew, RENEWED_EVERY)


async def work_in_background(service: Service, clock: WatchedClock) -> None:
    """Do for ever what one worker of a server does for all."""
    async with asyncio.TaskGroup() as group:
        group.create_task(repeat("sweep", service.expiry.sweep, _SWEEP_EVERY))
        group.create_task(repeat("promotions", partial(_watch, service, clock), _WATCH_EVERY))


async def _watch(service: Service, clock: WatchedClock) -> None:
    """Do what is due each minute.

    Take over what ended workers have left behind, end promotions whose leases have run out,
    warn of partly published releases, shorten the log of the database, make its reserve
    again, and write down the time.
    """
    clock.save()
    await service.database.shorten_log()
    await asyncio.to_thread(service.disk.restore_reserve)
    await asyncio.to_thread(service.derived.make_room)
    await take_over(service)
    await service.promotions.end_lapsed()
    await service.promotion_reports.remind()


async def take_over(service: Service) -> None:
    """Fail the uploads and resume the promotions of workers that have ended."""
    await service.completion.recover()
    await service.promotions.recover()
