"""A worker: one of the processes of a server, which listens on a socket of its supervisor."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial

from stageproxy.config import Config
from stageproxy.server.background import (
    renew_leases,
    take_over,
    work_beside_others,
    work_in_background,
)
from stageproxy.server.identity import ServerFacts
from stageproxy.server.opening import open_service
from stageproxy.server.run import SERVE_FAILURES, log_to_stderr, runner_of, spare_collections
from stageproxy.server.shared_metrics import SharedMetrics
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.wiring import Service
from stageproxy.server.worker_process import (
    Drain,
    Ended,
    Failed,
    Ready,
    ToWorker,
    WorkerEnd,
    accept_signals,
)
from stageproxy.services.background import guarded, repeat
from stageproxy.services.leases import BACKGROUND, work_alone
from stageproxy.store.directory import DataDirectory
from stageproxy.web.keys import METRICS
from stageproxy.web.serving.accepting import accepting
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS

log = logging.getLogger(__name__)

_SAVE_EVERY = timedelta(seconds=1)
"""How often the metrics are written for the other workers."""


class _Ending(Enum):
    """How a worker has to end."""

    STOP = auto()
    DRAIN = auto()


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker gets from its supervisor. *supervisor_pipe* can be read when it has ended."""

    config: Config
    directory: DataDirectory
    facts: ServerFacts
    public_url: str
    clock: WatchedClock
    listener: socket.socket
    supervisor_pipe: int


def run_worker(context: WorkerContext, messages: WorkerEnd) -> None:
    """Answer requests until the supervisor says otherwise, or ends. This is a process of its own.

    A failure to start is reported to the supervisor.
    """
    log_to_stderr(context.config.log.format, context.config.log.level)
    try:
        asyncio.run(_Worker(context, messages).work())
    except SERVE_FAILURES as error:
        messages.send(Failed(str(error)))
        raise SystemExit(1) from None
    finally:
        # A forked process does not do this by itself.
        logging.shutdown()


class _Worker:
    """The work of one process, from its start to its end."""

    def __init__(self, context: WorkerContext, messages: WorkerEnd) -> None:
        self._context = context
        self._messages = messages
        self._ending: asyncio.Queue[_Ending] = asyncio.Queue()
        self._ended: asyncio.Queue[str] = asyncio.Queue()
        self._is_due = asyncio.Event()

    async def work(self) -> None:
        """Answer requests, and do in the background what no other worker does."""
        self._listen_to_supervisor()
        context = self._context
        opening = open_service(
            context.config,
            context.directory,
            context.public_url,
            context.clock,
            facts=context.facts,
        )
        async with opening as service, asyncio.TaskGroup() as group:
            worker, metrics = context.facts.identity.worker, service.app[METRICS]
            shared = SharedMetrics(context.directory.metrics)
            save = partial(shared.save, worker, metrics.registry)
            metrics.add_up_by(partial(shared.collect, worker, metrics.registry))
            tasks = [
                group.create_task(repeat("metrics", partial(asyncio.to_thread, save), _SAVE_EVERY)),
                group.create_task(renew_leases(service)),
                group.create_task(self._work_alone(service)),
                group.create_task(self._take_over(service)),
            ]
            await self._answer(service, lambda: [one.cancel() for one in tasks])
            save()

    def _listen_to_supervisor(self) -> None:
        loop = asyncio.get_running_loop()
        stop = partial(self._ending.put_nowait, _Ending.STOP)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        loop.add_reader(self._messages.fileno(), self._receive)
        loop.add_reader(self._context.supervisor_pipe, self._lose_supervisor)
        accept_signals()

    def _receive(self) -> None:
        try:
            message: ToWorker = self._messages.recv()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._messages.fileno())
            return
        match message:
            case Drain():
                self._ending.put_nowait(_Ending.DRAIN)
            case Ended(worker):
                self._ended.put_nowait(worker)

    def _lose_supervisor(self) -> None:
        asyncio.get_running_loop().remove_reader(self._context.supervisor_pipe)
        log.error("the supervisor has ended: this worker, process %d, ends, too", os.getpid())
        self._ending.put_nowait(_Ending.STOP)

    async def _answer(self, service: Service, end_work: Callable[[], object]) -> None:
        context = self._context
        runner = runner_of(context.config, service, context.facts.identity.workers)
        await runner.setup()
        try:
            async with accepting(context.listener, runner.make_protocol):
                self._messages.send(Ready())
                spare_collections()
                ending = await self._ending.get()
            end_work()
            log.info(
                "process %d is ending: running requests have %d s to finish",
                os.getpid(),
                SHUTDOWN_SECONDS,
            )
            if ending is _Ending.DRAIN:
                await runner.drain()
        finally:
            end_work()
            await runner.cleanup()

    async def _work_alone(self, service: Service) -> None:
        clock = self._context.clock
        pause = partial(self._pause, service.leases.times.renewed_every)

        async def work() -> None:
            log.info("process %d does the background work of this server", os.getpid())
            await work_in_background(service, clock)

        if self._context.config.storage.database:
            await work_beside_others(service, clock, pause)
        else:
            await work_alone(service.leases, BACKGROUND, work, pause)

    async def _pause(self, length: timedelta) -> None:
        """Wait until leases are to be renewed, or another worker may have ended."""
        self._is_due.clear()
        try:
            async with asyncio.timeout(length.total_seconds()):
                await self._is_due.wait()
        except TimeoutError:
            return

    async def _take_over(self, service: Service) -> None:
        """Take over what workers did that have ended, whenever the supervisor names one."""
        while True:
            ended = await self._ended.get()
            await guarded("taking over", partial(_take_over_from, service, ended))
            self._is_due.set()


async def _take_over_from(service: Service, ended: str) -> None:
    await service.leases.end(ended)
    await take_over(service)
