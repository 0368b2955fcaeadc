"""Here is which part gets which: the services over their ports, the handlers over the services."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from aiohttp import web
from packaging.utils import canonicalize_name
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.caching import LoadingCache
from stageproxy.config import Config
from stageproxy.core.errors import HelpPages
from stageproxy.core.index.pages import Document
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.rights import Credential
from stageproxy.ports import Clock, Downloads, Rows, UploadClient
from stageproxy.services.access import Access
from stageproxy.services.audit import AuditTrail
from stageproxy.services.background import Background
from stageproxy.services.documents import StagedDocuments
from stageproxy.services.examine import Examiner
from stageproxy.services.expire import Expiry
from stageproxy.services.file_uploads import FileUploads
from stageproxy.services.preview import Previews
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.orchestrate import Promotions
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.publish_target import PromotionCredentials, PublishTarget
from stageproxy.services.promotion.reports import PromotionReports
from stageproxy.services.readiness import Readiness, disk_has_room, files_can_be_written
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import StageLimits, Stages
from stageproxy.services.tokens import Tokens
from stageproxy.services.uploads import UploadPolicy, Uploads
from stageproxy.services.upstream_state import Published
from stageproxy.store.database import Database
from stageproxy.store.files import FileStore
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.pip_index import default_of_pip
from stageproxy.web import keys
from stageproxy.web.api.openapi import OPENAPI, OPERATIONS
from stageproxy.web.api.openapi_document import openapi_document
from stageproxy.web.conditional import GZIPPED
from stageproxy.web.guard import guard
from stageproxy.web.headers import add_standard_headers
from stageproxy.web.routes import ROUTES
from stageproxy.web.upload.session_json import MECHANISMS, SESSION_JSON, SessionJson

_PREFLIGHT_SECONDS = 30
"""How long the index may take to say what it has, before a release is published."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Where releases are published: the upload API, and the index that confirms it.

    *credential*: the one that stands in the URL of the upload API, if one does.
    """

    target: PublishUrls
    index: CachedIndex
    downloads: Downloads
    upload_client: UploadClient
    credential: Credential | None


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The index that is previewed, and where to publish, if anybody said so."""

    index: CachedIndex
    publishing: Publishing | None


@dataclass(frozen=True, slots=True)
class Service:
    """An application, and what runs beside its requests."""

    app: web.Application
    expiry: Expiry
    tokens: Tokens
    file_uploads: FileUploads
    promotions: Promotions
    promotion_reports: PromotionReports
    database: Database = field(repr=False)


def assemble(
    config: Config,
    files: FileStore,
    database: Database,
    upstreams: Upstreams,
    urls: StageUrls,
    clock: Clock,
) -> Service:
    """Put the parts together. Nothing is asked or written yet."""
    index = upstreams.index
    stages = Stages(database, clock, urls, _limits(config))
    tokens = Tokens(database, clock)
    published = Published(index, NameSearches(index))
    examiner = Examiner(database, published, clock, config.upload.strict)
    uploads = Uploads(database, files, examiner, clock, stages, _policy(config))
    file_uploads = FileUploads(database, files, clock, stages, uploads)
    app = web.Application(middlewares=[guard])
    app[keys.ACCESS] = Access(database, clock)
    app[keys.AUDIT] = AuditTrail(database, clock, stages)
    app[keys.DOCUMENTS] = StagedDocuments(
        database, index, urls, LoadingCache(config.upstream.cache_size, _size_of)
    )
    app[keys.FILE_UPLOADS] = file_uploads
    app[keys.PREVIEWS] = Previews(
        database,
        files,
        index,
        clock,
        retention=config.stage.retention,
        any_file_host=not config.upstream.files_url,
    )
    publish_target = _publish_target(config, upstreams.publishing, files, database, clock)
    promotions = Promotions(
        database,
        clock,
        stages,
        publish_target,
        credentials_of(config, upstreams.publishing),
        Background(),
    )
    reports = PromotionReports(database, clock, stages, publish_target, promotions.sent)
    app[keys.PROMOTIONS] = promotions
    app[keys.PROMOTION_REPORTS] = reports
    app[keys.READINESS] = _readiness(files.root, database, index)
    app[keys.STAGES] = stages
    app[keys.TOKENS] = tokens
    app[keys.UPLOADS] = uploads
    _add_what_the_web_needs(app, config, urls)
    expiry = Expiry(database, files, clock, config.stage.retention)
    return Service(app, expiry, tokens, file_uploads, promotions, reports, database)


def _publish_target(
    config: Config,
    publishing: Publishing | None,
    files: FileStore,
    database: Database,
    clock: Clock,
) -> PublishTarget | None:
    if publishing is None:
        return None
    index = publishing.index
    published = Published(index, NameSearches(index), _PREFLIGHT_SECONDS)
    confirmed_listing = ConfirmedListing(index, publishing.downloads)
    return PublishTarget(
        target=publishing.target,
        preflight=Preflight(database, files, published, confirmed_listing, clock),
        confirmed_listing=confirmed_listing,
        upload_client=publishing.upload_client,
        catalogue=database,
        files=files,
        clock=clock,
        pace=pace_of(config),
        pause=pause,
    )


def pace_of(config: Config) -> Pace:
    """Return how fast to publish."""
    return Pace(config.promotion.parallel, config.promotion.poll, config.promotion.patience)


async def pause(length: timedelta) -> None:
    """Wait."""
    await asyncio.sleep(length.total_seconds())


def credentials_of(config: Config, publishing: Publishing | None) -> PromotionCredentials:
    """Return the credentials that settings have, for all ways to publish."""
    promotion = config.promotion
    return PromotionCredentials(
        username=promotion.username,
        tokens={
            canonicalize_name(name): token.get_secret_value()
            for name, token in promotion.tokens.items()
        },
        token_file=promotion.token_file,
        token=promotion.token.get_secret_value(),
        in_url=publishing.credential if publishing else None,
    )


def _add_what_the_web_needs(app: web.Application, config: Config, urls: StageUrls) -> None:
    packed: LoadingCache[str, bytes] = LoadingCache(config.upstream.cache_size // 4, len)
    app[GZIPPED] = packed
    app[OPENAPI] = openapi_document(ROUTES, OPERATIONS, urls.public_url)
    app[SESSION_JSON] = SessionJson(urls, MECHANISMS if config.upload.pep694 else ())
    app[keys.HELP_PAGES] = _help_pages()
    app[keys.URLS] = urls
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_standard_headers)


def _limits(config: Config) -> StageLimits:
    return StageLimits(
        lifetime=config.stage.lifetime,
        max_lifetime=config.stage.max_lifetime,
        max_per_project=config.stage.max_per_project,
    )


def _policy(config: Config) -> UploadPolicy:
    return UploadPolicy(
        max_file_size=config.upload.max_file_size,
        replace=config.upload.replace,
    )


def _readiness(folder: Path, database: Database, index: CachedIndex) -> Readiness:
    checks = {
        "database": partial(_database_works, database),
        "files": partial(files_can_be_written, folder),
        "disk": partial(disk_has_room, folder),
    }
    return Readiness(checks, lambda: index.failure, sqlite3.sqlite_version)


def _help_pages() -> HelpPages:
    """Return where PyPI explains its verdicts; never where a mirror of it is."""
    site = default_of_pip()
    manual = site.with_host(f"docs.{site.host}")
    return HelpPages(str(site), str(manual))


def _size_of(document: Document) -> int:
    return len(document.body)


async def _database_works(database: Database) -> str | None:
    def work(rows: Rows) -> None:
        rows.find_stage("")

    try:
        await database.write(work)
    except sqlite3.Error as error:
        return f"the database cannot be written ({type(error).__name__})"
    return None
