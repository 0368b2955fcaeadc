"""Starting, serving and stopping a server."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial
from ipaddress import ip_address

from stageproxy.config import Config
from stageproxy.core.errors import NoRoomError, StorageError
from stageproxy.core.pace import PaceLimits
from stageproxy.ports import Clock, Inspector
from stageproxy.request_ids import RequestIdFilter
from stageproxy.server.admin_token import create_admin_token
from stageproxy.server.clock import SystemClock
from stageproxy.server.descriptors import connection_limit, raise_descriptor_limit
from stageproxy.server.indexes import indexes_of, publish_target_of, upstream_of
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.wiring import Adapters, Service, assemble
from stageproxy.services.background import repeat
from stageproxy.services.stage_urls import StageUrls
from stageproxy.store.database import open_database
from stageproxy.store.directory import DataDirectory, DataDirectoryError, usable
from stageproxy.store.disk import Disk
from stageproxy.store.files import FileStore
from stageproxy.store.inspection import Inspection
from stageproxy.store.migration_copies import NoCopyError
from stageproxy.store.migrations import NewerSchemaError
from stageproxy.store.sqlite_failures import UnusableDatabaseError
from stageproxy.upstream.network import NetworkSettingsError
from stageproxy.upstream.pip_index import (
    NoPipIndexError,
    without_credentials,
)
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.web.metrics import Metrics
from stageproxy.web.serving.accepting import accepting
from stageproxy.web.serving.connections import ConnectionLimits
from stageproxy.web.serving.logs import JsonFormatter, RedactingFormatter
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS, runner_for

log = logging.getLogger(__name__)

_SWEEP_EVERY = timedelta(hours=1)
_WATCH_EVERY = timedelta(minutes=1)
_NO_PUBLIC_URL = (
    "stage URLs begin with %s, which other machines cannot open. Set server.public_url to the URL "
    "that users see."
)


class CannotListenError(Exception):
    """The server's address is in use, or not of this machine."""


@asynccontextmanager
async def open_service(
    config: Config,
    directory: DataDirectory,
    public_url: str,
    clock: Clock | None = None,
    inspector: Inspector | None = None,
) -> AsyncIterator[Service]:
    """Open everything that a running server needs, and close it at the end."""
    upstream = await asyncio.to_thread(upstream_of, config)
    log.info("upstream is %s", without_credentials(upstream.index.root))
    metrics = Metrics()
    patience = Timeouts(
        connect=config.upstream.connect_timeout,
        read=config.upstream.read_timeout,
    )
    urls = StageUrls(
        public_url.rstrip("/"), directory.secret(config.server.secret.get_secret_value())
    )
    inspection = (
        Inspection(count=metrics.count_inspection, show_waiting=metrics.show_waiting)
        if inspector is None
        else nullcontext(inspector)
    )
    disk = Disk(directory.root, min_free=config.storage.min_free, reserve=config.storage.reserve)
    opened_database = open_database(
        directory.database, disk, copy_before_migration=config.storage.copy_before_migration
    )
    with inspection as opened, opened_database as database:
        disk.restore_reserve()
        publishing = open_session(patience, upstream.network, keep_alive=False)
        async with open_session(patience, upstream.network) as reader, publishing as publisher:
            clock = clock or SystemClock()
            indexes = indexes_of(config, upstream, reader, clock, metrics.count_upstream_document)
            metrics.watch_upstream(
                lambda: indexes.previewed.outage is None, lambda: indexes.circuits.open_count
            )
            adapters = Adapters(
                database=database,
                files=_file_store(directory, opened, disk),
                inspector=opened,
                index=indexes.previewed,
                deciding_index=indexes.deciding,
                other_pages=indexes.other_pages,
                clock=clock,
            )
            publish_target = publish_target_of(
                config, upstream.index, publisher, metrics.count_attempt
            )
            service = assemble(config, adapters, publish_target, urls, metrics)
            await _recover_uploads(service)
            async with service.promotions.background.open():
                await service.promotions.recover()
                yield service


def _file_store(directory: DataDirectory, inspector: Inspector, disk: Disk) -> FileStore:
    root = directory.root / "files"
    with usable(root):
        return FileStore(root, inspector, disk)


async def _recover_uploads(service: Service) -> None:
    """Fail the uploads that were being completed. A full disk must not prevent the start."""
    try:
        await service.completion.recover()
    except NoRoomError as error:
        log.error("unfinished uploads were not recovered: %s", error.sentence)  # noqa: TRY400 - known


async def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. *announce* is called with each line for the operator."""
    directory = DataDirectory(config.storage.data)
    raise_descriptor_limit()
    with directory.locked():
        clock = WatchedClock(directory.last_seen)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with (
            listening(config, directory, announce, clock) as service,
            asyncio.TaskGroup() as group,
        ):
            sweeping = group.create_task(repeat("sweep", service.expiry.sweep, _SWEEP_EVERY))
            watching = group.create_task(
                repeat("promotions", partial(_watch, service, clock), _WATCH_EVERY)
            )
            await stop.wait()
            log.info("stopping: running requests have %d s to finish", SHUTDOWN_SECONDS)
            sweeping.cancel()
            watching.cancel()
            clock.save()


@asynccontextmanager
async def listening(
    config: Config,
    directory: DataDirectory,
    announce: Callable[[str], None],
    clock: Clock | None = None,
    inspector: Inspector | None = None,
) -> AsyncIterator[Service]:
    """Serve requests until the block ends."""
    # The socket is bound first: the public URL may depend on its port.
    bound = bind(config.server.host, config.server.port)
    url = _url_of(config.server.host, bound.getsockname()[1])
    public_url = config.server.public_url or url
    if not config.server.public_url and is_wildcard(config.server.host):
        log.warning(_NO_PUBLIC_URL, url)
    async with open_service(config, directory, public_url, clock, inspector) as service:
        await _create_first_token(service, directory, announce)
        runner = runner_for(
            service.app,
            prepared=service.prepared,
            limits=ConnectionLimits(
                connection_limit(config.server.max_connections),
                config.server.max_connections_per_address,
                config.server.trusted_proxies,
            ),
            body_limits=PaceLimits(config.upload.stall_timeout, config.upload.min_rate),
            reader_limits=PaceLimits(config.server.send_timeout, config.server.min_send_rate),
        )
        await runner.setup()
        try:
            async with accepting(bound, runner.make_protocol):
                _publish_url(directory, url)
                announce(f"stageproxy is ready on {url}")
                yield service
        finally:
            _withdraw_url(directory)
            await runner.cleanup()


def _publish_url(directory: DataDirectory, url: str) -> None:
    """Write the URL for commands on this machine, which can be given it instead."""
    try:
        directory.server_url.write_text(f"{url}\n")
    except OSError as error:
        log.warning("%s was not written: %s", directory.server_url, error.strerror)


def _withdraw_url(directory: DataDirectory) -> None:
    try:
        directory.server_url.unlink(missing_ok=True)
    except OSError as error:
        # Running requests are still to be finished.
        log.warning("%s was not deleted: %s", directory.server_url, error.strerror)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket at an address. Raise if the server cannot listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        msg = f"Cannot listen on {host} port {port}: {error.strerror}."
        raise CannotListenError(msg) from error
    return bound


def _url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_wildcard(host: str) -> bool:
    """Return whether a server at *host* listens on all addresses, so that it is none itself."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host


async def _create_first_token(
    service: Service, directory: DataDirectory, announce: Callable[[str], None]
) -> None:
    """Write an admin token into a data directory that has no tokens yet.

    The next start does it if there is no room on the disk now.
    """
    if await service.database.read(lambda rows: rows.tokens.list()):
        return
    try:
        with service.disk.failures():
            await create_admin_token(service.tokens, directory)
    except NoRoomError as error:
        log.error("no admin token was written: %s", error.sentence)  # noqa: TRY400 - known
        return
    announce(f"An admin token was written to {directory.admin_token}")


async def _watch(service: Service, clock: WatchedClock) -> None:
    """Do what is due each minute.

    End promotions whose leases have run out, warn of partly published releases, shorten
    the log of the database, make its reserve again, and write down the time.
    """
    clock.save()
    await service.database.shorten_log()
    await asyncio.to_thread(service.disk.restore_reserve)
    await service.promotions.end_lapsed()
    await service.promotion_reports.remind()


def log_to_stderr(log_format: str, level: str) -> None:
    """Log to standard error, with tokens removed from every line."""
    handler = logging.StreamHandler()
    text = RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if log_format == "json" else text)
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
