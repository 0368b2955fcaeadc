"""The assembly of a server: services over their ports, handlers over the services."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from aiohttp import ClientSession, web
from packaging.utils import canonicalize_name
from yarl import URL

from stageproxy.caching import LoadingCache
from stageproxy.config import Config
from stageproxy.core.errors import HelpPages
from stageproxy.core.index.pages import Document
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.rights import Credential
from stageproxy.core.rules.findings import PYPI
from stageproxy.ports import Clock
from stageproxy.services.access import Access
from stageproxy.services.audit import AuditTrail
from stageproxy.services.background import Background
from stageproxy.services.completion import Completion
from stageproxy.services.dependencies import Dependencies
from stageproxy.services.documents import StagedDocuments
from stageproxy.services.examine import Examiner
from stageproxy.services.expire import Expiry
from stageproxy.services.file_uploads import FileUploads
from stageproxy.services.findings import StageFindings
from stageproxy.services.preview import Previews
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.credentials import PromotionCredentials
from stageproxy.services.promotion.looks import Looks
from stageproxy.services.promotion.orchestrate import Promotions
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.reports import PromotionReports
from stageproxy.services.promotion.ways_out import WaysOut
from stageproxy.services.readiness import Check, Readiness, check_disk, check_files
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import StageLimits, Stages
from stageproxy.services.tokens import Tokens
from stageproxy.services.uploads import UploadPolicy, Uploads
from stageproxy.services.upstream_state import UpstreamReader
from stageproxy.store.database import Database
from stageproxy.store.files import FileStore
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.downloads import FileDownloads
from stageproxy.upstream.index import IndexPolicy, UpstreamIndex
from stageproxy.upstream.network import DEFAULTS
from stageproxy.upstream.pip_index import (
    IndexUrls,
    NoPipIndexError,
    PipSettings,
    default_of_pip,
    index_name,
    publishing_urls,
    settings_of_pip,
    urls_of,
    urls_of_simple,
    without_credentials,
)
from stageproxy.upstream.upload_client import HttpUploadClient
from stageproxy.web import keys
from stageproxy.web.api.openapi import OPERATIONS
from stageproxy.web.api.openapi_document import openapi_document
from stageproxy.web.guard import guard
from stageproxy.web.headers import add_standard_headers
from stageproxy.web.metrics import Metrics, MetricsSources
from stageproxy.web.routes import ROUTES
from stageproxy.web.session_json import MECHANISMS, SessionJson

_SHOW_SECONDS = 1.0
"""How long an answer that shows a stage waits for the index."""

_PREFLIGHT_SECONDS = 30
"""How long the index that confirms may take to list a project, before a release is published."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """The ports of a server as they are implemented: storage, upstream, time."""

    database: Database = field(repr=False)
    files: FileStore
    index: CachedIndex
    clock: Clock


@dataclass(frozen=True, slots=True)
class Service:
    """An application, and the services that run beside its requests."""

    app: web.Application
    expiry: Expiry
    tokens: Tokens
    completion: Completion
    promotions: Promotions
    promotion_reports: PromotionReports
    database: Database = field(repr=False)


def assemble(
    config: Config,
    adapters: Adapters,
    publish_target: PublishTarget | None,
    urls: StageUrls,
    metrics: Metrics,
) -> Service:
    """Build the parts of a server. Nothing is read or written yet."""
    database, files = adapters.database, adapters.files
    index, clock = adapters.index, adapters.clock
    stages = Stages(database, clock, urls, _limits(config))
    tokens = Tokens(database, clock)
    names = NameSearches(index)
    findings = _stage_findings(adapters, names, publish_target)
    preflight = Preflight(database, files, findings)
    promotions = Promotions(
        database,
        files,
        clock,
        stages,
        publish_target,
        preflight,
        Background(),
        needs_digest=config.promotion.pep694_needs_digest,
    )
    reports = PromotionReports(database, clock, stages, publish_target, promotions.live)
    app = web.Application(middlewares=[guard])
    app[keys.ACCESS] = Access(database, clock)
    app[keys.AUDIT] = AuditTrail(database, clock, stages)
    app[keys.DOCUMENTS] = StagedDocuments(
        database, index, urls, LoadingCache(config.upstream.cache_size, _size_of)
    )
    app[keys.LOOKS] = Looks(database, clock)
    app[keys.PREVIEWS] = Previews(
        database,
        files,
        index,
        clock,
        retention=config.stage.retention,
        any_file_host=not config.upstream.files_url,
        published_files=publish_target.confirmed_listing if publish_target else None,
    )
    app[keys.PROMOTIONS] = promotions
    app[keys.PROMOTION_REPORTS] = reports
    app[keys.WAYS_OUT] = WaysOut(database, clock, stages, promotions.background, publish_target)
    app[keys.STAGES] = stages
    app[keys.STAGE_FINDINGS] = findings
    app[keys.TOKENS] = tokens
    completion = _add_uploads(app, config, adapters, stages, names)
    _add_operations(app, adapters, metrics)
    _add_web_parts(app, config, urls)
    return Service(
        app=app,
        expiry=Expiry(database, files, clock, config.stage.retention),
        tokens=tokens,
        completion=completion,
        promotions=promotions,
        promotion_reports=reports,
        database=database,
    )


def _stage_findings(
    adapters: Adapters, names: NameSearches, target: PublishTarget | None
) -> StageFindings:
    """Return the list of findings, which names the index that releases are published on."""
    index = adapters.index
    reader = UpstreamReader(index, names, _SHOW_SECONDS, fresh=False)
    name = index_name(URL(target.urls.index_url)) if target else PYPI
    return StageFindings(adapters.database, reader, Dependencies(index), adapters.clock, name)


def _add_uploads(
    app: web.Application, config: Config, adapters: Adapters, stages: Stages, names: NameSearches
) -> Completion:
    """Add the services that accept files into stages."""
    database, files, clock = adapters.database, adapters.files, adapters.clock
    policy = _policy(config)
    reader = UpstreamReader(adapters.index, names)
    examiner = Examiner(database, reader, clock, config.upload.strict)
    uploads = Uploads(database, files, examiner, clock, stages, policy)
    file_uploads = FileUploads(database, files, clock, stages, reader, policy)
    completion = Completion(database, files, clock, stages, uploads, file_uploads)
    app[keys.COMPLETION] = completion
    app[keys.EXAMINER] = examiner
    app[keys.FILE_UPLOADS] = file_uploads
    app[keys.UPLOADS] = uploads
    return completion


def upstream_of(config: Config) -> PipSettings:
    """Return upstream, by the settings or else the index that pip uses, and how it is reached.

    pip's certificates and proxy are used for an upstream of the settings, too. For plain
    HTTP, pip is not asked.
    """
    settings = config.upstream
    if not settings.url:
        return settings_of_pip()
    index = urls_of(settings.url, settings.simple_url)
    if "https" not in {index.root.scheme, index.simple.scheme}:
        return PipSettings(index, DEFAULTS)
    try:
        return PipSettings(index, settings_of_pip().network)
    except NoPipIndexError:
        return PipSettings(index, DEFAULTS)


def index_of(
    config: Config,
    upstream: PipSettings,
    session: ClientSession,
    report: Callable[[str, float], None],
) -> CachedIndex:
    """Return the index that is previewed."""
    policy = replace(_policy_of(config), network=upstream.network)
    return CachedIndex(
        _upstream_index(config, upstream.index, session, policy),
        fresh_for=config.upstream.fresh_for,
        max_size=config.upstream.cache_size,
        report=report,
    )


def publish_target_of(
    config: Config, upstream: IndexUrls, session: ClientSession, count: Callable[[str], None]
) -> PublishTarget | None:
    """Return where releases are published, if the settings say so or upstream is PyPI itself.

    *session* closes each connection after use: some indexes serve one at a
    time. *count* is called with the kind of each reply to an upload.
    """
    settings = config.promotion
    urls = publishing_urls(settings.repository_url, settings.index_url, upstream)
    if urls is None:
        return None
    # Projects of the fallback are not on this index.
    own_projects_only = replace(_policy_of(config), files_url="", has_fallback=False)
    index = CachedIndex(
        _upstream_index(config, urls_of_simple(str(urls.index)), session, own_projects_only),
        # What is published is fetched each time: nothing of it is cached.
        fresh_for=timedelta(0),
        max_size=0,
        report=lambda *_: None,
    )
    return PublishTarget(
        urls=PublishUrls(
            str(without_credentials(urls.repository)), str(without_credentials(urls.index))
        ),
        reader=UpstreamReader(index, NameSearches(index), _PREFLIGHT_SECONDS),
        confirmed_listing=ConfirmedListing(index, FileDownloads(session, urls.index)),
        upload_client=HttpUploadClient(
            session, str(urls.repository), idle_timeout=settings.timeout
        ),
        credentials=_credentials_of(config, urls.repository),
        pace=Pace(settings.parallel, settings.poll, settings.patience),
        pause=_pause,
        count=count,
    )


def _policy_of(config: Config) -> IndexPolicy:
    return IndexPolicy(
        files_url=config.upstream.files_url,
        fallback_url=config.upstream.fallback_url,
        is_private=config.upstream.private,
        forbidden_means_missing=config.upstream.forbidden_means_missing,
    )


def _upstream_index(
    config: Config, urls: IndexUrls, session: ClientSession, policy: IndexPolicy
) -> UpstreamIndex:
    return UpstreamIndex(
        session,
        urls,
        policy,
        total_timeout=config.upstream.total_timeout,
        max_page_size=config.upstream.max_page_size,
    )


def _credentials_of(config: Config, repository: URL) -> PromotionCredentials:
    """Return the credentials of the settings; that in the URL of the upload API comes last."""
    promotion = config.promotion
    user, password = repository.user, repository.password
    return PromotionCredentials(
        username=promotion.username,
        tokens={
            canonicalize_name(name): token.get_secret_value()
            for name, token in promotion.tokens.items()
        },
        token_file=promotion.token_file,
        token=promotion.token.get_secret_value(),
        in_url=Credential(user, password) if user and password else None,
    )


async def _pause(length: timedelta) -> None:
    await asyncio.sleep(length.total_seconds())


def _add_operations(app: web.Application, adapters: Adapters, metrics: Metrics) -> None:
    index = adapters.index
    app[keys.METRICS] = metrics
    app[keys.METRICS_SOURCES] = MetricsSources(metrics, adapters.database, lambda: index.size)
    app[keys.READINESS] = _readiness(adapters.files.root, adapters.database, index)


def _add_web_parts(app: web.Application, config: Config, urls: StageUrls) -> None:
    packed: LoadingCache[str, bytes] = LoadingCache(config.upstream.cache_size // 4, len)
    app[keys.GZIPPED] = packed
    app[keys.OPENAPI] = openapi_document(ROUTES, OPERATIONS, urls.public_url)
    app[keys.SESSION_JSON] = SessionJson(urls, MECHANISMS if config.upload.pep694 else ())
    app[keys.HELP_PAGES] = _help_pages()
    app[keys.URLS] = urls
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_standard_headers)


def _limits(config: Config) -> StageLimits:
    return StageLimits(
        lifetime=config.stage.lifetime,
        max_lifetime=config.stage.max_lifetime,
        max_per_project=config.stage.max_per_project,
        empty_lifetime=config.stage.empty_lifetime,
    )


def _policy(config: Config) -> UploadPolicy:
    return UploadPolicy(
        max_file_size=config.upload.max_file_size,
        replace=config.upload.replace,
    )


def _readiness(folder: Path, database: Database, index: CachedIndex) -> Readiness:
    checks: dict[str, Check] = {
        "database": database.check,
        "files": partial(check_files, folder),
        "disk": partial(check_disk, folder),
    }
    return Readiness(checks, lambda: index.failure, database.versions)


def _help_pages() -> HelpPages:
    """Return the pages where PyPI explains its refusals: PyPI's own, never those of a mirror."""
    site = default_of_pip()
    manual = site.with_host(f"docs.{site.host}")
    return HelpPages(str(site), str(manual))


def _size_of(document: Document) -> int:
    return len(document.body)
