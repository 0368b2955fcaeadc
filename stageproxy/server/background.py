"""What a running server does beside its requests: leases, sweeps, promotions left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.wiring import Service
from stageproxy.services.background import repeat
from stageproxy.services.leases import BACKGROUND, of_server, work_alone
from stageproxy.services.shared_rates import EXCHANGED_EVERY

_SWEEP_EVERY = timedelta(hours=1)
_WATCH_EVERY = timedelta(minutes=1)


async def renew_leases(service: Service) -> None:
    """Renew the leases of this worker, as long as it runs."""
    await repeat("leases", service.leases.renew, service.leases.times.renewed_every)


async def work_in_background(service: Service, clock: WatchedClock) -> None:
    """Do for ever what one worker does where no other server has the same database."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_look_after_machine(service, clock))
        group.create_task(_look_after_stages(service))
        group.create_task(_look_for_work(service))


async def work_beside_others(
    service: Service, clock: WatchedClock, pause: Callable[[], Awaitable[object]]
) -> None:
    """Do for ever what each server does, and what one does for all while it has the lease.

    *pause* waits until leases are to be renewed.
    """
    on_machine = partial(_look_after_machine, service, clock)
    for_all = partial(_look_after_stages, service)
    service.shared_rates.share()
    async with asyncio.TaskGroup() as group:
        group.create_task(_look_for_work(service))
        group.create_task(repeat("rates", service.shared_rates.exchange, EXCHANGED_EVERY))
        group.create_task(
            work_alone(service.leases, of_server(service.instance), on_machine, pause)
        )
        group.create_task(work_alone(service.leases, BACKGROUND, for_all, pause))


async def _look_after_machine(service: Service, clock: WatchedClock) -> None:
    """Do what is due on the disk of this server."""
    async with asyncio.TaskGroup() as group:
        group.create_task(repeat("machine", partial(_watch, service, clock), _WATCH_EVERY))
        group.create_task(repeat("results", service.expiry.sweep_derived, _SWEEP_EVERY))


async def _watch(service: Service, clock: WatchedClock) -> None:
    """Write down the time, shorten the log of the database, and make its reserve again."""
    clock.save()
    await service.database.shorten_log()
    await asyncio.to_thread(service.disk.restore_reserve)
    await asyncio.to_thread(service.derived.make_room)


async def _look_after_stages(service: Service) -> None:
    """Sweep, end promotions whose clients are silent, and warn of partly published releases."""
    async with asyncio.TaskGroup() as group:
        group.create_task(repeat("sweep", service.expiry.sweep, _SWEEP_EVERY))
        group.create_task(repeat("promotions", partial(_remind, service), _WATCH_EVERY))


async def _remind(service: Service) -> None:
    await service.promotions.end_lapsed()
    await service.promotion_reports.remind()


async def _look_for_work(service: Service) -> None:
    """Take over what others have left behind: each worker can, and one of them does."""
    every = service.leases.times.looked_for_every
    await repeat("taking over", partial(take_over, service), every)


async def take_over(service: Service) -> None:
    """Fail the uploads and resume the promotions of workers that have ended."""
    await service.completion.recover()
    await service.promotions.recover()
