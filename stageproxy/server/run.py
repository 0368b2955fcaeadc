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
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_address

from aiohttp import BadContentDispositionHeader, BadContentDispositionParam

from stageproxy.config import Config
from stageproxy.core.errors import NoRoomError, StorageError
from stageproxy.core.pace import PaceLimits
from stageproxy.ports import Clock
from stageproxy.request_ids import RequestIdFilter
from stageproxy.server.admin_token import create_first_admin_token
from stageproxy.server.background import (
    renew_leases,
    work_beside_others,
    work_in_background,
)
from stageproxy.server.descriptors import connection_limit, raise_descriptor_limit
from stageproxy.server.inspectors import Inspectors
from stageproxy.server.opening import open_service
from stageproxy.server.storage import MissingExtraError
from stageproxy.server.watched_clock import WatchedClock
from stageproxy.server.wiring import Service
from stageproxy.services.installation import OtherInstallationError
from stageproxy.services.tokens import Tokens
from stageproxy.store.directory import DataDirectory, DataDirectoryError
from stageproxy.store.disk import Disk
from stageproxy.store.sqlite.migration_copies import NoCopyError
from stageproxy.store.unusable import NewerSchemaError, UnusableBucketError, UnusableDatabaseError
from stageproxy.upstream.network import NetworkSettingsError
from stageproxy.upstream.pip_index import (
    NoPipIndexError,
)
from stageproxy.web.serving.accepting import accepting
from stageproxy.web.serving.connections import ConnectionLimits
from stageproxy.web.serving.log_stream import LogStream
from stageproxy.web.serving.logs import JsonFormatter, RedactingFormatter
from stageproxy.web.serving.runner import SHUTDOWN_SECONDS, Runner, runner_for

log = logging.getLogger(__name__)

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
            working = group.create_task(_work(config, service, clock))
            spare_collections()
            await stop.wait()
            log.info("stopping: running requests have %d s to finish", SHUTDOWN_SECONDS)
            renewing.cancel()
            working.cancel()
            clock.save()


async def _work(config: Config, service: Service, clock: WatchedClock) -> None:
    if config.storage.database:
        seconds = service.leases.times.renewed_every.total_seconds()
        await work_beside_others(service, clock, partial(asyncio.sleep, seconds))
    else:
        await work_in_background(service, clock)


def spare_collections() -> None:
    """Leave out of garbage collections what the start has made, which stays anyway.

    A large page causes some, and each would look at everything.
    """
    gc.freeze()


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
    with bind(config.server.host, config.server.port) as bound:
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
    try:
        with disk.failures():
            is_first = await create_first_admin_token(tokens, directory)
    except NoRoomError as error:
        log.error("no admin token was written: %s", error.sentence)  # noqa: TRY400 - known
        return
    if is_first:
        announce(f"An admin token was written to {directory.admin_token}")


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
    MissingExtraError,
    NetworkSettingsError,
    NewerSchemaError,
    NoCopyError,
    NoPipIndexError,
    OtherInstallationError,
    StorageError,
    UnusableBucketError,
    UnusableDatabaseError,
)
"""The errors that prevent the start and have a sentence for the operator."""
