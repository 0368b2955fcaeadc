"""Here is where the parts come together."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from aiohttp import web
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.config import Config
from stageproxy.core.index.pages import Document
from stageproxy.core.rights import EVERY_PROJECT, TokenKind
from stageproxy.kept import OnceKept
from stageproxy.ports import Clock, Rows
from stageproxy.services.access import Access
from stageproxy.services.documents import StagedDocuments
from stageproxy.services.expire import Expiry
from stageproxy.services.file_uploads import FileUploads
from stageproxy.services.preview import Previews
from stageproxy.services.published import Published
from stageproxy.services.readiness import Readiness, disk_has_room, files_can_be_written
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import StageLimits, Stages
from stageproxy.services.tokens import TokenOrder, Tokens
from stageproxy.services.upload import UploadPolicy, Uploads
from stageproxy.store.database import Database
from stageproxy.store.directory import DataDirectory, DataDirectoryError, write_secret
from stageproxy.store.files import FileStore
from stageproxy.store.migrations import NewerSchemaError
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.index import UpstreamIndex
from stageproxy.upstream.pip_index import (
    IndexUrls,
    NoPipIndexError,
    index_of_pip,
    urls_of,
)
from stageproxy.upstream.session import Patience, open_session
from stageproxy.web import keys
from stageproxy.web.access_log import JsonFormatter, RedactingFormatter
from stageproxy.web.conditional import GZIPPED
from stageproxy.web.guard import guard
from stageproxy.web.headers import add_own
from stageproxy.web.metrics import METRICS, SHOWN, Metrics, Shown
from stageproxy.web.routes import ROUTES
from stageproxy.web.server import SHUTDOWN_SECONDS, runner_for
from stageproxy.web.session_json import MECHANISMS, SESSION_JSON, SessionJson

log = logging.getLogger(__name__)

_SWEEP_EVERY = timedelta(hours=1)
_BACKLOG = 1024


class CannotListenError(Exception):
    """The server's address is taken, or not of this machine."""


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """An application, and what runs beside its requests."""

    app: web.Application
    expiry: Expiry
    tokens: Tokens
    database: Database = field(repr=False)


@asynccontextmanager
async def open_service(
    config: Config, directory: DataDirectory, public_url: str, clock: Clock | None = None
) -> AsyncIterator[Service]:
    """Open everything that a running server needs, and close it in the end."""
    upstream = await asyncio.to_thread(upstream_of, config)
    log.info("upstream is %s", upstream)
    metrics = Metrics()
    patience = Patience(
        connect=config.upstream.connect_timeout,
        read=config.upstream.read_timeout,
    )
    secret = directory.secret(config.server.secret.get_secret_value())
    with Database(directory.database) as database:
        async with open_session(patience) as session:
            index = CachedIndex(
                UpstreamIndex(
                    session,
                    upstream,
                    files_url=config.upstream.files_url,
                    total_timeout=config.upstream.total_timeout,
                    max_page_size=config.upstream.max_page_size,
                ),
                fresh_for=config.upstream.fresh_for,
                max_size=config.upstream.cache_size,
                report=metrics.asked_upstream,
            )
            urls = StageUrls(public_url.rstrip("/"), secret)
            service = _assemble(config, directory, database, index, urls, clock or SystemClock())
            await service.app[keys.FILE_UPLOADS].recover()
            service.app[METRICS] = metrics
            service.app[SHOWN] = Shown(metrics, database, lambda: index.size)
            yield service


def _assemble(
    config: Config,
    directory: DataDirectory,
    database: Database,
    index: CachedIndex,
    urls: StageUrls,
    clock: Clock,
) -> Service:
    folder = directory.root / "files"
    files = FileStore(folder)
    limits = StageLimits(
        lifetime=config.stage.lifetime,
        max_lifetime=config.stage.max_lifetime,
        max_per_project=config.stage.max_per_project,
    )
    policy = UploadPolicy(
        max_file_size=config.upload.max_file_size,
        replace=config.upload.replace,
        strict=config.upload.strict,
    )
    stages = Stages(database, clock, urls, limits)
    tokens = Tokens(database, clock)
    previews = Previews(
        database,
        files,
        index,
        clock,
        retention=config.stage.retention,
        any_file_host=not config.upstream.files_url,
    )
    app = web.Application(middlewares=[guard])
    app[keys.ACCESS] = Access(database, clock)
    app[keys.URLS] = urls
    app[SESSION_JSON] = SessionJson(urls, MECHANISMS if config.upload.pep694 else ())
    app[keys.STAGES] = stages
    app[keys.TOKENS] = tokens
    app[keys.PREVIEWS] = previews
    app[keys.DOCUMENTS] = StagedDocuments(
        database, index, urls, OnceKept(config.upstream.cache_size, _size_of)
    )
    packed: OnceKept[str, bytes] = OnceKept(config.upstream.cache_size // 4, len)
    app[GZIPPED] = packed
    uploads = Uploads(database, files, Published(index, NameSearches(index)), clock, stages, policy)
    app[keys.UPLOADS] = uploads
    app[keys.FILE_UPLOADS] = FileUploads(database, files, clock, stages, uploads)
    checks = {
        "database": partial(_database_works, database),
        "files": partial(files_can_be_written, folder),
        "disk": partial(disk_has_room, folder),
    }
    app[keys.READINESS] = Readiness(checks, lambda: index.failure, sqlite3.sqlite_version)
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_own)
    expiry = Expiry(database, files, clock, config.stage.retention)
    return Service(app, expiry, tokens, database)


def _size_of(document: Document) -> int:
    return len(document.body)


async def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Serve until a signal says stop. *announce* gets each line that is for the operator."""
    directory = DataDirectory(config.storage.data)
    with directory.locked():
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with (
            listening(config, directory, announce) as service,
            asyncio.TaskGroup() as group,
        ):
            sweeping = group.create_task(_sweep_for_ever(service.expiry))
            await stop.wait()
            log.info("stopping: running requests have %d s to end", SHUTDOWN_SECONDS)
            sweeping.cancel()


@asynccontextmanager
async def listening(
    config: Config,
    directory: DataDirectory,
    announce: Callable[[str], None],
    clock: Clock | None = None,
) -> AsyncIterator[Service]:
    """Answer requests for as long as the block lasts."""
    # The socket comes first: the public URL may depend on the port that it gets.
    bound = _bind(config.server.host, config.server.port)
    url = _url_of(config.server.host, bound.getsockname()[1])
    public_url = config.server.public_url or url
    async with open_service(config, directory, public_url, clock) as service:
        await _first_token(service, directory, announce)
        runner = runner_for(service.app)
        await runner.setup()
        try:
            await web.SockSite(runner, bound, backlog=_BACKLOG).start()
            directory.server_url.write_text(f"{url}\n")
            announce(f"stageproxy is ready on {url}")
            yield service
        finally:
            directory.server_url.unlink(missing_ok=True)
            await runner.cleanup()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        msg = f"{host} port {port} cannot be listened on: {error.strerror}."
        raise CannotListenError(msg) from error
    return bound


def _url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def upstream_of(config: Config) -> IndexUrls:
    """Return where upstream is: as the settings say, or else what pip on this machine uses."""
    if config.upstream.url:
        return urls_of(config.upstream.url, config.upstream.simple_url)
    return index_of_pip()


async def _first_token(
    service: Service, directory: DataDirectory, announce: Callable[[str], None]
) -> None:
    """Leave an admin token for whoever owns an empty data directory."""
    if await service.database.read(lambda rows: rows.list_api_tokens()):
        return
    order = TokenOrder(TokenKind.ADMIN, EVERY_PROJECT, version=None, lifetime=None)
    token, kept = service.tokens.mint(order)
    # The file first: a crash in between leaves a token that the next start makes anew.
    await asyncio.to_thread(write_secret, directory.admin_token, token.reveal())
    await service.tokens.keep(kept)
    announce(f"An admin token is in {directory.admin_token}")


async def _sweep_for_ever(expiry: Expiry) -> None:
    while True:
        try:
            await expiry.sweep()
        except (OSError, sqlite3.Error):
            log.exception("sweeping failed; it is tried again in an hour")
        await asyncio.sleep(_SWEEP_EVERY.total_seconds())


async def _database_works(database: Database) -> str | None:
    def work(rows: Rows) -> None:
        rows.find_stage("")

    try:
        await database.write(work)
    except sqlite3.Error as error:
        return f"the database cannot be written ({type(error).__name__})"
    return None


def log_to_stderr(log_format: str, level: str) -> None:
    """Log to the standard error stream, without a token in any line."""
    handler = logging.StreamHandler()
    text = RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if log_format == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


SERVE_FAILURES = (CannotListenError, DataDirectoryError, NewerSchemaError, NoPipIndexError)
"""What keeps a server from starting and has a sentence for its operator."""
