"""The supervisor of a server with several workers: it starts, watches, replaces and stops them.

It has one thread and no event loop, so that it can fork at any time. It answers no request.
"""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from multiprocessing.connection import wait
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.config import Config, ConfigError
from stageproxy.core.errors import NoRoomError
from stageproxy.server.descriptors import raise_descriptor_limit
from stageproxy.server.identity import ServerFacts
from stageproxy.server.opening import disk_of, find_upstream
from stageproxy.server.run import (
    bind,
    create_first_token,
    public_url_of,
    publish_url,
    ready_line,
    url_of,
    withdraw_url,
)
from stageproxy.server.shared_metrics import SharedMetrics
from stageproxy.server.storage import open_first
from stageproxy.server.supervisor_handles import Handles, SupervisorPipe, received_signals
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.worker import WorkerContext, run_worker
from stageproxy.server.worker_pool import WorkerPool
from stageproxy.server.worker_process import WorkerEnd, WorkerProcess, start_process
from stageproxy.services.leases import Leases
from stageproxy.services.tokens import Tokens
from stageproxy.store.directory import DataDirectory, usable
from stageproxy.store.sqlite.database import has_wal_bug
from stageproxy.upstream.pip_index import NoPipIndexError
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS

log = logging.getLogger(__name__)

_LONGEST_WAIT = 60.0
_FIXED = {
    "server": ("host", "port", "secret", "workers"),
    "storage": ("data", "database", "files"),
}
"""The settings in which all workers have to agree, or that their sockets depend on."""


class WorkerFailedError(Exception):
    """A worker of the server could not start; the message says why."""


def worker_count(config: Config, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> int:
    """Return how many workers the server can have, as its settings want."""
    wanted = config.server.workers
    if wanted > 1 and not config.storage.database and has_wal_bug(version):
        log.warning(
            "server.workers is %d, but one worker is started: SQLite %s can damage a database that "
            "several processes use. Install pysqlite3 or a newer SQLite.",
            wanted,
            ".".join(map(str, version)),
        )
        return 1
    return wanted


def serve(
    config: Config, announce: Callable[[str], None], load_config: Callable[[], Config]
) -> None:
    """Serve with several workers until SIGINT or SIGTERM; SIGHUP replaces them one by one.

    *announce* is called with each line for the operator. *load_config* reads the settings again.
    """
    directory = DataDirectory(config.storage.data)
    raise_descriptor_limit()
    with directory.locked(), ExitStack() as stack:
        clock = WatchedClock(directory.last_seen)
        found = ServerFacts.at_start(directory, config.server.workers)
        facts = replace(found, upstream=find_upstream(config))
        listeners = bind_all(config.server.host, config.server.port, config.server.workers)
        for listener in listeners:
            stack.enter_context(listener)
        asyncio.run(_prepare(config, directory, clock, facts, announce))
        handles = Handles(listeners, SupervisorPipe(), stack.enter_context(received_signals()))
        stack.callback(handles.pipe.close)
        try:
            _Supervisor(config, load_config, directory, clock, facts, handles).run(announce)
        finally:
            withdraw_url(directory)
            clock.save()


def bind_all(host: str, port: int, count: int) -> Sequence[socket.socket]:
    """Return sockets at one address, among which the system divides new connections.

    Raise if another program listens there.
    """
    with bind(host, port) as alone:
        found = int(alone.getsockname()[1])
    return [bind(host, found, is_shared=True) for _ in range(count)]


async def _prepare(
    config: Config,
    directory: DataDirectory,
    clock: WatchedClock,
    facts: ServerFacts,
    announce: Callable[[str], None],
) -> None:
    """Do once what no worker has to do again: open the database first."""
    directory.secret(config.server.secret.get_secret_value())
    with usable(directory.metrics):
        SharedMetrics(directory.metrics).begin()
    disk = disk_of(config, directory, facts)
    with open_first(config, directory, disk) as database:
        if not config.storage.database:
            # On a full disk, the leases of former workers lapse by themselves.
            with suppress(NoRoomError):
                await Leases(database, clock, facts.identity.worker).end_all()
        await create_first_token(Tokens(database, clock), disk, directory, announce)


class _Supervisor:
    """Starts workers, and waits for messages, ends of processes, and signals."""

    def __init__(
        self,
        config: Config,
        load_config: Callable[[], Config],
        directory: DataDirectory,
        clock: WatchedClock,
        facts: ServerFacts,
        handles: Handles,
    ) -> None:
        self._config = config
        self._load_config = load_config
        self._directory = directory
        self._clock = clock
        self._facts = facts
        self._handles = handles
        self._url = url_of(config.server.host, handles.listeners[0].getsockname()[1])
        self._metrics = SharedMetrics(directory.metrics)
        self._processes: dict[str, WorkerProcess] = {}
        self._pool = WorkerPool(config.server.workers, self._start, time.monotonic)

    def run(self, announce: Callable[[str], None]) -> None:
        """Run until all workers have ended. Raise if the server could not start."""
        pool = self._pool
        pool.begin()
        is_announced = False
        while not pool.is_over:
            pool.act()
            self._handle_events(self._wait())
            if pool.is_ready and not is_announced:
                is_announced = True
                publish_url(self._directory, self._url)
                announce(ready_line(self._url))
        if pool.failure is not None:
            raise WorkerFailedError(pool.failure)

    def _start(self, slot: int) -> WorkerProcess:
        """Start a worker in a slot, with an id of its own."""
        facts = replace(self._facts, identity=self._facts.identity.of_next_worker())
        context = WorkerContext(
            self._config,
            self._directory,
            facts,
            public_url_of(self._config, self._url),
            self._clock,
            self._handles.listeners[slot],
            self._handles.pipe.reader,
        )
        process = start_process(facts.identity.worker, partial(self._run_worker, context))
        self._processes[process.id] = process
        return process

    def _run_worker(self, context: WorkerContext, messages: WorkerEnd) -> None:
        """Be a worker: this runs in its process."""
        self._handles.close_in_worker(context.listener)
        for other in self._processes.values():
            other.messages.close()
        run_worker(context, messages)

    def _wait(self) -> Sequence[object]:
        """Return the descriptors that are ready, at the latest when something is due."""
        # A clock that is not read does not notice when it jumps.
        self._clock.now()
        waited: list[Any] = [self._handles.signals]
        for process in self._processes.values():
            waited += [process.sentinel, process.messages]
        next_at = self._pool.next_at
        due_in = _LONGEST_WAIT if next_at is None else max(next_at - time.monotonic(), 0.0)
        return wait(waited, min(due_in, _LONGEST_WAIT))

    def _handle_events(self, happened: Sequence[object]) -> None:
        for process in list(self._processes.values()):
            while (message := process.receive()) is not None:
                self._pool.receive(process, message)
            if process.sentinel in happened:
                self._pool.end(process)
                self._metrics.end(process.id)
                del self._processes[process.id]
                process.close()
        if self._handles.signals in happened:
            for number in self._handles.signals.recv(2**10):
                self._handle_signal(number)

    def _handle_signal(self, number: int) -> None:
        if number == signal.SIGHUP:
            self._reload()
            return
        log.info("stopping: running requests have %d s to finish", SHUTDOWN_SECONDS)
        withdraw_url(self._directory)
        # New clients are refused at once, rather than left waiting.
        for listener in self._handles.listeners:
            listener.close()
        self._pool.stop()

    def _reload(self) -> None:
        """Read the settings again, and replace the workers."""
        try:
            config = self._load_config()
            upstream = find_upstream(config)
        except (ConfigError, NoPipIndexError) as error:
            log.error("the workers are not replaced: %s", error)  # noqa: TRY400 - the reason is known
            return
        self._config = with_fixed(config, self._config)
        self._facts = replace(self._facts, upstream=upstream)
        log.info("replacing the workers one by one")
        self._pool.restart()


def with_fixed(config: Config, former: Config) -> Config:
    """Return settings with those of the *former* ones that a running server cannot change."""
    tables, changed = {}, []
    for name, settings in _FIXED.items():
        new, old = getattr(config, name), getattr(former, name)
        fixed = {setting: getattr(old, setting) for setting in settings}
        changed += [f"{name}.{one}" for one in settings if getattr(new, one) != fixed[one]]
        tables[name] = new.model_copy(update=fixed)
    if changed:
        log.warning(
            "a change of %s needs a stop and a start of the server", ", ".join(sorted(changed))
        )
    return config.model_copy(update=tables)
