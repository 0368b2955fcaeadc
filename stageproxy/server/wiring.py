"""The assembly of a server: services over their ports, handlers over the services."""

import time
from dataclasses import dataclass, field, replace
from functools import partial

from aiohttp import web
from yarl import URL

from stageproxy.caching import LoadingCache
from stageproxy.catalogue import RunningCatalogue
from stageproxy.config import Config
from stageproxy.core.errors import HelpPages
from stageproxy.core.index.pages import Document
from stageproxy.core.limits import Quota
from stageproxy.core.rules.findings import PYPI
from stageproxy.core.sessions import SessionTimes
from stageproxy.places import PlacesByKey
from stageproxy.ports import Clock, IdentityVerifier, Inspector, RunningFiles
from stageproxy.server.identity import Identity
from stageproxy.server.reviews import ReviewAdapters, reviews_of
from stageproxy.server.storage import lease_times_of
from stageproxy.services.access import Access
from stageproxy.services.audit import AuditTrail
from stageproxy.services.background import Background
from stageproxy.services.care.expire import Expiry
from stageproxy.services.care.readiness import Check, DiskCheck, Readiness, SparingCheck
from stageproxy.services.dependencies import Dependencies
from stageproxy.services.descriptions import Descriptions
from stageproxy.services.documents import StagedDocuments
from stageproxy.services.evidence import EvidenceReports
from stageproxy.services.exchange import IdentityExchange
from stageproxy.services.findings import StageFindings
from stageproxy.services.leases import Leases
from stageproxy.services.limits import Limits
from stageproxy.services.md5s import Md5s
from stageproxy.services.preview import Previews
from stageproxy.services.probes import Probes
from stageproxy.services.promotion.looks import Looks
from stageproxy.services.promotion.orchestrate import Promotions
from stageproxy.services.promotion.preflight import Preflight
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.promotion.reports import PromotionReports
from stageproxy.services.promotion.ways_out import WaysOut
from stageproxy.services.publishers import Publishers
from stageproxy.services.quotas import Quotas, Rates, hourly
from stageproxy.services.review.reviews import Reviews
from stageproxy.services.sessions import Sessions
from stageproxy.services.shared_rates import SharedRates
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.stage_urls import StageUrls
from stageproxy.services.stages import StageLimits, Stages
from stageproxy.services.tokens import Tokens
from stageproxy.services.upload.completion import Completion
from stageproxy.services.upload.examine import Examiner
from stageproxy.services.upload.file_uploads import FileUploads
from stageproxy.services.upload.uploads import UploadPolicy, Uploads
from stageproxy.services.upstream_state import UpstreamReader
from stageproxy.store.derived import DerivedFiles
from stageproxy.store.disk import Disk
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.other_pages import OtherPageCache
from stageproxy.upstream.pip_index import (
    default_of_pip,
    index_name,
)
from stageproxy.web import keys
from stageproxy.web.access.guesses import Guesses
from stageproxy.web.answers.headers import add_standard_headers
from stageproxy.web.answers.progress_streams import ProgressStreams
from stageproxy.web.answers.streams import StreamShares
from stageproxy.web.api.openapi import OPERATIONS
from stageproxy.web.api.openapi_document import openapi_document
from stageproxy.web.documents.session_json import MECHANISMS, SessionJson
from stageproxy.web.guard import guard
from stageproxy.web.metrics import Metrics, MetricsSources
from stageproxy.web.routes import ROUTES
from stageproxy.web.serving.prepared import PreparedAnswers, PresentReader

_SHOW_SECONDS = 1.0
"""How long an answer that shows a stage waits for the index."""


_SHARE_SECONDS = 10
"""How long a client waits until another response of upstream to it, or to its stage, ends."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """The ports of a server as they are implemented: storage, upstream, time.

    `deciding_index` is upstream, too, for what is decided by its answers.
    """

    database: RunningCatalogue = field(repr=False)
    files: RunningFiles
    disk: Disk
    inspector: Inspector = field(repr=False)
    index: CachedIndex
    deciding_index: CachedIndex
    other_pages: OtherPageCache
    reviews: ReviewAdapters
    identities: IdentityVerifier
    clock: Clock


@dataclass(frozen=True, slots=True)
class Service:
    """An application, and the services that run beside its requests."""

    app: web.Application
    expiry: Expiry
    tokens: Tokens
    leases: Leases
    completion: Completion
    promotions: Promotions
    promotion_reports: PromotionReports
    reviews: Reviews
    disk: Disk
    derived: DerivedFiles
    prepared: PreparedAnswers = field(repr=False)
    database: RunningCatalogue = field(repr=False)
    instance: str
    shared_rates: SharedRates


def assemble(
    config: Config,
    adapters: Adapters,
    publish_target: PublishTarget | None,
    urls: StageUrls,
    metrics: Metrics,
    identity: Identity,
) -> Service:
    """Build the parts of a server. Nothing is read or written yet."""
    database, files = adapters.database, adapters.files
    index, clock = adapters.index, adapters.clock
    stages = Stages(database, clock, urls, _limits(config), _quotas(config), _rates(config))
    tokens = Tokens(database, clock)
    leases = Leases(database, clock, identity.worker, lease_times_of(config))
    names = NameSearches(adapters.deciding_index)
    findings = _stage_findings(adapters, names, publish_target)
    preflight = _preflight(adapters, findings)
    promotions = Promotions(
        database,
        files,
        clock,
        stages,
        publish_target,
        preflight,
        Background(),
        leases,
        needs_digest=config.promotion.pep694_needs_digest,
    )
    reports = PromotionReports(database, clock, stages, publish_target, promotions.live)
    app = web.Application(middlewares=[guard])
    _add_access(app, config, stages)
    app[keys.DOCUMENTS] = StagedDocuments(
        database,
        index,
        urls,
        Md5s(database, files),
        LoadingCache(config.upstream.cache_size, _size_of),
    )
    app[keys.LOOKS] = Looks(database, clock)
    app[keys.PREVIEWS] = Previews(
        database,
        files,
        index,
        adapters.other_pages,
        clock,
        retention=config.stage.retention,
        any_file_host=not config.upstream.files_url,
        published_files=publish_target.confirmed_listing if publish_target else None,
    )
    app[keys.PROMOTIONS] = promotions
    app[keys.PROMOTION_REPORTS] = reports
    app[keys.WAYS_OUT] = WaysOut(database, clock, stages, promotions.is_running, publish_target)
    app[keys.STAGES] = stages
    reviews = _add_reviews(app, config, adapters, findings, metrics, promotions.background)
    _add_trusted_publishing(app, config, adapters, tokens, urls)
    completion = _add_uploads(app, config, adapters, stages, names, leases)
    _add_operations(app, config, adapters, metrics, identity)
    _add_web_parts(app, config, urls)
    return Service(
        app=app,
        expiry=app[keys.EXPIRY],
        tokens=tokens,
        leases=leases,
        completion=completion,
        promotions=promotions,
        promotion_reports=reports,
        reviews=reviews,
        disk=adapters.disk,
        derived=adapters.reviews.derived,
        prepared=_prepared_answers(config, adapters),
        database=database,
        instance=identity.instance,
        shared_rates=SharedRates(
            database, clock, {**stages.rates.limiters, **app[keys.GUESSES].limiters}
        ),
    )


def _prepared_answers(config: Config, adapters: Adapters) -> PreparedAnswers:
    def changes() -> int:
        return adapters.index.changes + adapters.other_pages.changes

    present = PresentReader(adapters.database, changes, time.monotonic, adapters.clock.now)
    return PreparedAnswers(present, config.upstream.cache_size // 4)


def _stage_findings(
    adapters: Adapters, names: NameSearches, target: PublishTarget | None
) -> StageFindings:
    """Return the list of findings, which names the index that releases are published on."""
    index = adapters.index
    reader = UpstreamReader(index, names, _SHOW_SECONDS, fresh=False)
    name = index_name(URL(target.urls.index_url)) if target else PYPI
    return StageFindings(
        adapters.database, reader, Dependencies(index), adapters.inspector, adapters.clock, name
    )


def _add_reviews(
    app: web.Application,
    config: Config,
    adapters: Adapters,
    findings: StageFindings,
    metrics: Metrics,
    background: Background,
) -> Reviews:
    """Add what is found in a stage, the review that it is a part of, and the description."""
    database, inspector = adapters.database, adapters.inspector
    app[keys.DESCRIPTIONS] = Descriptions(database, inspector, background)
    app[keys.STAGE_FINDINGS] = findings
    reviews = reviews_of(config, adapters.reviews, adapters.files, findings, metrics.reviews.count)
    metrics.reviews.watch(lambda: reviews.jobs.running)
    app[keys.REVIEWS] = reviews
    return reviews


def _preflight(adapters: Adapters, findings: StageFindings) -> Preflight:
    deciding = replace(findings, dependencies=Dependencies(adapters.deciding_index))
    return Preflight(adapters.database, adapters.files, adapters.inspector, deciding)


def _add_uploads(
    app: web.Application,
    config: Config,
    adapters: Adapters,
    stages: Stages,
    names: NameSearches,
    leases: Leases,
) -> Completion:
    """Add the services that accept files into stages."""
    database, files, clock = adapters.database, adapters.files, adapters.clock
    policy = _policy(config)
    reader = UpstreamReader(adapters.deciding_index, names)
    examiner = Examiner(database, reader, adapters.inspector, clock, config.upload.strict)
    uploads = Uploads(database, files, examiner, clock, stages, policy)
    file_uploads = FileUploads(database, files, clock, stages, reader, policy)
    completion = Completion(
        database, files, clock, stages, uploads, file_uploads, adapters.inspector, leases
    )
    app[keys.COMPLETION] = completion
    app[keys.EXAMINER] = examiner
    app[keys.FILE_UPLOADS] = file_uploads
    app[keys.UPLOADS] = uploads
    return completion


def _add_trusted_publishing(
    app: web.Application, config: Config, adapters: Adapters, tokens: Tokens, urls: StageUrls
) -> None:
    """Add API tokens, the CI jobs that get some, and the exchange of their identities."""
    database, clock = adapters.database, adapters.clock
    app[keys.TOKENS] = tokens
    app[keys.PUBLISHERS] = Publishers(database, clock, frozenset(config.oidc.issuers))
    app[keys.EXCHANGE] = IdentityExchange(
        database, clock, tokens, adapters.identities, config.oidc.audience or urls.public_url
    )


def _add_operations(
    app: web.Application,
    config: Config,
    adapters: Adapters,
    metrics: Metrics,
    identity: Identity,
) -> None:
    index, others = adapters.index, adapters.other_pages
    app[keys.PROBES] = Probes(identity.instance)
    app[keys.EXPIRY] = Expiry(
        adapters.database,
        adapters.files,
        adapters.clock,
        config.stage.retention,
        adapters.reviews.derived,
    )
    app[keys.METRICS] = metrics
    metrics.limits.show({f"limits.{name}": limit for name, limit in config.limits})
    app[keys.GUESSES] = Guesses(adapters.clock, metrics.count_guess)
    app[keys.METRICS_SOURCES] = MetricsSources(
        metrics, adapters.database, lambda: index.size + others.size
    )
    app[keys.READINESS] = _readiness(adapters)
    disk, database, clock = adapters.disk, adapters.database, adapters.clock
    metrics.watch(
        disk_free=lambda: disk.space.free,
        wal_bytes=lambda: database.wal_bytes,
        clock_doubt=partial(_seconds_in_doubt, clock),
    )


def _seconds_in_doubt(clock: Clock) -> float:
    return (clock.now() - clock.earliest()).total_seconds()


def _add_web_parts(app: web.Application, config: Config, urls: StageUrls) -> None:
    packed: LoadingCache[str, bytes] = LoadingCache(config.upstream.cache_size // 4, len)
    app[keys.GZIPPED] = packed
    app[keys.OPENAPI] = openapi_document(ROUTES, OPERATIONS, urls.public_url)
    app[keys.SESSION_JSON] = SessionJson(urls, MECHANISMS if config.upload.pep694 else ())
    app[keys.HELP_PAGES] = _help_pages()
    app[keys.PROGRESS_STREAMS] = ProgressStreams()
    app[keys.STREAM_SHARES] = _stream_shares(config)
    app[keys.URLS] = urls
    app.add_routes(ROUTES)
    app.on_response_prepare.append(add_standard_headers)


def _stream_shares(config: Config) -> StreamShares:
    settings = config.upstream
    return StreamShares(
        stages=PlacesByKey(settings.max_streams_per_stage, _SHARE_SECONDS),
        addresses=PlacesByKey(settings.max_streams_per_address, _SHARE_SECONDS),
    )


def _limits(config: Config) -> StageLimits:
    return StageLimits(
        lifetime=config.stage.lifetime,
        max_lifetime=config.stage.max_lifetime,
        max_per_project=config.stage.max_per_project,
        empty_lifetime=config.stage.empty_lifetime,
        min_lifetime=config.stage.min_lifetime,
    )


def _add_access(app: web.Application, config: Config, stages: Stages) -> None:
    """Add who may do what, and how much of it."""
    database, clock = stages.catalogue, stages.clock
    recorded = hourly(config.limits.refusals_per_hour)
    app[keys.ACCESS] = Access(database, clock, stages.rates)
    app[keys.AUDIT] = AuditTrail(database, clock, stages, recorded)
    times = SessionTimes(config.desk.session_idle, config.desk.session_lifetime)
    app[keys.SESSIONS] = Sessions(database, clock, times)
    app[keys.EVIDENCE] = EvidenceReports(database, clock, stages)
    app[keys.LIMITS] = Limits(
        database, clock, stages.quotas, stages.rates, config.stage.max_per_project
    )


def _quotas(config: Config) -> Quotas:
    return Quotas({quota: getattr(config.limits, quota) for quota in Quota})


def _rates(config: Config) -> Rates:
    limits = config.limits
    return Rates(hourly(limits.openings_per_hour), hourly(limits.changes_per_hour))


def _policy(config: Config) -> UploadPolicy:
    return UploadPolicy(
        max_file_size=config.upload.max_file_size,
        replace=config.upload.replace,
    )


def _readiness(adapters: Adapters) -> Readiness:
    database, disk, index = adapters.database, adapters.disk, adapters.index
    checks: dict[str, Check] = {
        "database": SparingCheck(database.check),
        "files": SparingCheck(adapters.files.check),
        "disk": DiskCheck(lambda: disk.space, lambda: disk.floor),
    }
    return Readiness(
        checks, lambda: index.outage, database.versions, clock_notice=adapters.clock.notice
    )


def _help_pages() -> HelpPages:
    """Return the pages where PyPI explains its refusals: PyPI's own, never those of a mirror."""
    site = default_of_pip()
    manual = site.with_host(f"docs.{site.host}")
    return HelpPages(str(site), str(manual))


def _size_of(document: Document) -> int:
    return len(document.body)
