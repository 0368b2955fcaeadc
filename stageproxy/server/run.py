"""Starting, serving and stopping a server."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from ipaddress import ip_address

from aiohttp import BadContentDispositionHeader, BadContentDispositionParam, ClientSession

from stageproxy.config import Config
from stageproxy.core.errors import NoRoomError, StorageError
from stageproxy.core.leases import RENEWED_EVERY
from stageproxy.core.pace import PaceLimits
from stageproxy.ports import Clock, Inspector
from stageproxy.request_ids import RequestIdFilter
from stageproxy.server.admin_token import create_admin_token
from stageproxy.server.clock import SystemClock
from stageproxy.server.descriptors import connection_limit, raise_descriptor_limit
from stageproxy.server.identity import Identity, ServerFacts
from stageproxy.server.indexes import indexes_of, publish_target_of, upstream_of
from stageproxy.server.inspectors import Inspectors, inspectors_of
from stageproxy.server.reviews import ReviewAdapters, baseline_downloads_of
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.wiring import Adapters, Service, assemble
from stageproxy.services.background import repeat
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.tokens import Tokens
from stageproxy.store.database import Database, open_database
from stageproxy.store.derived import DerivedFiles
from stageproxy.store.directory import DataDirectory, DataDirectoryError, usable
from stageproxy.store.disk import Disk
from stageproxy.store.files import FileStore
from stageproxy.store.migration_copies import NoCopyError
from stageproxy.store.migrations import NewerSchemaError
from stageproxy.store.sqlite_failures import UnusableDatabaseError
from stageproxy.store.writer_lock import WriterLock
from stageproxy.upstream.network import NetworkSettings, NetworkSettingsError
from stageproxy.upstream.pip_index import (
    NoPipIndexError,
    PipSettings,
    without_credentials,
)
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.web.metrics import Metrics
from stageproxy.web.pages import load_templates
from stageproxy.web.serving.accepting import accepting
from stageproxy.web.serving.connections import ConnectionLimits
from stageproxy.web.serving.log_stream import LogStream
from stageproxy.web.serving.logs import JsonFormatter, RedactingFormatter
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS, Runner, runner_for

log = logging.getLogger(__name__)

_SWEEP_EVERY = timedelta(hours=1)
_WATCH_EVERY = timedelta(minutes=1)
_NO_PUBLIC_URL = (
    "stage URLs begin with %s, which other machines cannot open. Set server.public_url to the URL "
    "that users see."
)


_ADVICE = {
    errno.EADDRINUSE: " Stop what listens there, or set another port with server.port or --port.",
    errno.EADDRNOTAVAIL: " Set server.host or --host to an address of this machine.",
    errno.EACCES: " Set a port from 1024 on with server.port or --port.",
}


class CannotListenError(Exception):
    """The server's address is in use, or not of this machine."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        advice = _ADVICE.get(error.errno or 0, "")
        super().__init__(f"Cannot listen on {host} port {port}: {error.strerror}.{advice}")


@asynccontextmanager
async def open_service(
    config: Config,
    directory: DataDirectory,
    public_url: str,
    clock: Clock | None = None,
    inspectors: Inspectors | None = None,
    facts: ServerFacts | None = None,
) -> AsyncIterator[Service]:
    """Open everything that a running server needs, and close it at the end.

    *facts*: which worker of a server this is, if it has several.
    """
    facts = facts or ServerFacts.alone(directory)
    upstream = facts.upstream
    if upstream is None:
        upstream = await asyncio.to_thread(find_upstream, config)
    metrics = Metrics()
    inspectors = inspectors or inspectors_of(metrics)
    urls = StageUrls(
        public_url.rstrip("/"), directory.secret(config.server.secret.get_secret_value())
    )
    disk = disk_of(config, directory, facts)
    opened_database = (
        open_whole_database(config, directory, disk)
        if facts.identity.is_alone
        else open_shared_database(directory, disk)
    )
    derived = DerivedFiles(directory.derived, disk, config.review.max_size)
    with (
        closing(derived),
        inspectors.uploads as inspector,
        inspectors.reviews as review_inspector,
        opened_database as database,
    ):
        async with _sessions(config, upstream.network) as (reader, publisher):
            clock = clock or SystemClock()
            indexes = indexes_of(config, upstream, reader, clock, metrics.count_upstream_document)
            metrics.watch_upstream(
                lambda: indexes.previewed.outage is None, lambda: indexes.circuits.open_count
            )
            adapters = Adapters(
                database=database,
                files=_file_store(directory, inspector, disk),
                inspector=inspector,
                index=indexes.previewed,
                deciding_index=indexes.deciding,
                other_pages=indexes.other_pages,
                reviews=ReviewAdapters(
                    review_inspector,
                    derived,
                    baseline_downloads_of(config, reader, upstream.index, indexes.circuits),
                    indexes.previewed,
                    inspector,
                ),
                clock=clock,
            )
            publish_target = publish_target_of(
                config, upstream.index, publisher, metrics.count_attempt
            )
            service = assemble(config, adapters, publish_target, urls, metrics, facts.identity)
            await _recover_uploads(service, facts.identity)
            async with (
                service.promotions.background.open(),
                service.reviews.jobs.background.open(),
            ):
                await service.promotions.recover()
                service.promotions.background.start(
                    "templates", partial(asyncio.to_thread, load_templates)
                )
                yield service
            await _end_leases(service)


def find_upstream(config: Config) -> PipSettings:
    """Return the index on which stages are based, and log it."""
    upstream = upstream_of(config)
    log.info("upstream is %s", without_credentials(upstream.index.root))
    return upstream


@asynccontextmanager
async def _sessions(
    config: Config, network: NetworkSettings
) -> AsyncIterator[tuple[ClientSession, ClientSession]]:
    """Open a session that reads upstream, and one that publishes."""
    patience = Timeouts(
        connect=config.upstream.connect_timeout,
        read=config.upstream.read_timeout,
    )
    tls = network.tls_context(os.environ)
    publishing = open_session(patience, network, keep_alive=False, tls=tls)
    async with open_session(patience, network, tls=tls) as reader, publishing as publisher:
        yield reader, publisher


def disk_of(config: Config, directory: DataDirectory, facts: ServerFacts) -> Disk:
    """Return the disk of a data directory."""
    settings = config.storage
    return Disk(
        directory.root,
        min_free=settings.min_free,
        reserve=settings.reserve,
        former_failure=facts.former_failure,
    )


@contextmanager
def open_shared_database(directory: DataDirectory, disk: Disk) -> Iterator[Database]:
    """Open the database of a server for one of its workers, which share a lock to write it."""
    with (
        closing(WriterLock(directory.database)) as lock,
        Database(directory.database, disk=disk) as database,
    ):
        database.share_writing(lock.held)
        yield database


def open_whole_database(config: Config, directory: DataDirectory, disk: Disk) -> Database:
    """Return the database of a server at its start: checked, migrated, and with its reserve."""
    database = open_database(
        directory.database, disk, copy_before_migration=config.storage.copy_before_migration
    )
    disk.restore_reserve()
    return database


def _file_store(directory: DataDirectory, inspector: Inspector, disk: Disk) -> FileStore:
    root = directory.root / "files"
    with usable(root):
        return FileStore(root, inspector, disk)


async def _recover_uploads(service: Service, identity: Identity) -> None:
    """Fail the uploads that were being completed. A full disk must not prevent the start."""
    try:
        if identity.is_alone:
            await service.leases.end_all()
        await service.completion.recover()
    except NoRoomError as error:
        log.error("unfinished uploads were not recovered: %s", error.sentence)  # noqa: TRY400 - known


async def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP.

    *announce* is called with each line for the operator.
    """
    directory = DataDirectory(config.storage.data)
    raise_descriptor_limit()
    with directory.locked():
        clock = WatchedClock(directory.last_seen)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with (
            listening(config, directory, announce, clock) as service,
            asyncio.TaskGroup() as group,
        ):
            renewing = group.create_task(renew_leases(service))
            working = group.create_task(work_in_background(service, clock))
            spare_collections()
            await stop.wait()
            log.info("stopping: running requests have %d s to finish", SHUTDOWN_SECONDS)
            renewing.cancel()
            working.cancel()
            clock.save()


def spare_collections() -> None:
    """Leave out of garbage collections what the start has made, which stays anyway.

    A large page causes some, and each would look at everything.
    """
    gc.freeze()


async def renew_leases(service: Service) -> None:
    """Renew the leases of this worker, as long as it runs."""
    await repeat("leases", service.leases.renew, RENEWED_EVERY)


async def work_in_background(service: Service, clock: WatchedClock) -> None:
    """Do for ever what one worker of a server does for all."""
    async with asyncio.TaskGroup() as group:
        group.create_task(repeat("sweep", service.expiry.sweep, _SWEEP_EVERY))
        group.create_task(repeat("promotions", partial(_watch, service, clock), _WATCH_EVERY))


@asynccontextmanager
async def listening(
    config: Config,
    directory: DataDirectory,
    announce: Callable[[str], None],
    clock: Clock | None = None,
    inspectors: Inspectors | None = None,
) -> AsyncIterator[Service]:
    """Serve requests until the block ends."""
    # The socket is bound first: the public URL may depend on its port.
    bound = bind(config.server.host, config.server.port)
    url = url_of(config.server.host, bound.getsockname()[1])
    public_url = public_url_of(config, url)
    opening = open_service(config, directory, public_url, clock, inspectors)
    async with opening as service:
        await create_first_token(service.tokens, service.disk, directory, announce)
        runner = runner_of(config, service)
        await runner.setup()
        try:
            async with accepting(bound, runner.make_protocol):
                publish_url(directory, url)
                announce(ready_line(url))
                yield service
        finally:
            withdraw_url(directory)
            await runner.cleanup()


def runner_of(config: Config, service: Service, workers: int = 1) -> Runner:
    """Return the runner of one of the *workers* of a server, with its share of the connections."""
    return runner_for(
        service.app,
        prepared=service.prepared,
        limits=ConnectionLimits(
            connection_limit(config.server.max_connections, workers),
            config.server.max_connections_per_address,
            config.server.trusted_proxies,
        ),
        body_limits=PaceLimits(config.upload.stall_timeout, config.upload.min_rate),
        reader_limits=PaceLimits(config.server.send_timeout, config.server.min_send_rate),
    )


def ready_line(url: str) -> str:
    """Return the line that says that requests are answered."""
    return f"stageproxy is ready on {url}"


def public_url_of(config: Config, url: str) -> str:
    """Return the URL that users see, where the server listens on *url*."""
    if not config.server.public_url and is_wildcard(config.server.host):
        log.warning(_NO_PUBLIC_URL, url)
    return config.server.public_url or url


def publish_url(directory: DataDirectory, url: str) -> None:
    """Write the URL for commands on this machine, which can be given it instead."""
    try:
        directory.server_url.write_text(f"{url}\n")
    except OSError as error:
        log.warning("%s was not written: %s", directory.server_url, error.strerror)


def withdraw_url(directory: DataDirectory) -> None:
    """Delete the file with the URL."""
    try:
        directory.server_url.unlink(missing_ok=True)
    except OSError as error:
        # Running requests are still to be finished.
        log.warning("%s was not deleted: %s", directory.server_url, error.strerror)


def bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Return a socket at an address. Raise if the server cannot listen there.

    *is_shared*: whether it has the address together with others.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise CannotListenError(host, port, error) from error
    return bound


def url_of(host: str, port: int) -> str:
    """Return the URL of an address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_wildcard(host: str) -> bool:
    """Return whether a server at *host* listens on all addresses, so that it is none itself."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host


async def create_first_token(
    tokens: Tokens, disk: Disk, directory: DataDirectory, announce: Callable[[str], None]
) -> None:
    """Write an admin token into a data directory that has no tokens yet.

    The next start does it if there is no room on the disk now.
    """
    if await tokens.catalogue.read(lambda rows: rows.tokens.list()):
        return
    try:
        with disk.failures():
            await create_admin_token(tokens, directory)
    except NoRoomError as error:
        log.error("no admin token was written: %s", error.sentence)  # noqa: TRY400 - known
        return
    announce(f"An admin token was written to {directory.admin_token}")


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


async def _end_leases(service: Service) -> None:
    """Let other workers take over at once what this one did. Otherwise its leases lapse."""
    with suppress(StorageError):
        await service.leases.end(service.leases.holder)


def log_to_stderr(log_format: str, level: str) -> None:
    """Log to standard error, with tokens removed from every line."""
    lines = JsonFormatter() if log_format == "json" else RedactingFormatter()
    # There is no such stream if the program was started without one.
    descriptor = sys.stderr.fileno() if sys.stderr else os.open(os.devnull, os.O_WRONLY)
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    handler = LogStream(descriptor, lines, encoding=encoding)
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for category in (BadContentDispositionHeader, BadContentDispositionParam):
        # They quote what a client sends, and Python remembers each text for good.
        warnings.simplefilter("ignore", category)


def log_without_a_thread(log_format: str, level: str) -> None:
    """Log to standard error until `log_to_stderr`: in a process that is going to fork."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else RedactingFormatter())
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


SERVE_FAILURES = (
    CannotListenError,
    DataDirectoryError,
    NetworkSettingsError,
    NewerSchemaError,
    NoCopyError,
    NoPipIndexError,
    StorageError,
    UnusableDatabaseError,
)
"""The errors that prevent the start and have a sentence for the operator."""
