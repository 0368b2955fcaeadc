"""Opening everything that a running server needs: the database, files, upstream."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from functools import partial

from aiohttp import ClientSession

from stageproxy.config import Config
from stageproxy.core.errors import NoRoomError, StorageError
from stageproxy.issuers.identities import Identities
from stageproxy.issuers.keys import IssuerKeys
from stageproxy.ports import Clock
from stageproxy.server.clock import SystemClock
from stageproxy.server.identity import ServerFacts
from stageproxy.server.indexes import indexes_of, publish_target_of, upstream_of
from stageproxy.server.inspectors import Inspectors, inspectors_of
from stageproxy.server.reviews import ReviewAdapters, baseline_downloads_of
from stageproxy.server.storage import open_catalogue, open_files
from stageproxy.server.wiring import Adapters, Service, assemble
from stageproxy.services.installation import check_alone, join
from stageproxy.services.stage_urls import StageUrls
from stageproxy.store.derived import DerivedFiles
from stageproxy.store.directory import DataDirectory
from stageproxy.store.disk import Disk
from stageproxy.upstream.network import NetworkSettings
from stageproxy.upstream.pip_index import (
    PipSettings,
    without_credentials,
)
from stageproxy.upstream.session import Timeouts, open_session
from stageproxy.web.metrics import Metrics
from stageproxy.web.pages import load_templates

log = logging.getLogger(__name__)


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
    derived = DerivedFiles(directory.derived, disk, config.review.max_size)
    with (
        closing(derived),
        inspectors.uploads as inspector,
        inspectors.reviews as review_inspector,
        open_catalogue(config, directory, disk, facts) as database,
    ):
        async with _sessions(config, upstream.network) as (reader, publisher, issuers):
            clock = clock or SystemClock()
            indexes = indexes_of(config, upstream, reader, clock, metrics.count_upstream_document)
            metrics.watch_upstream(
                lambda: indexes.previewed.outage is None, lambda: indexes.circuits.open_count
            )
            adapters = Adapters(
                database=database,
                files=open_files(config, directory, inspector, disk, clock),
                disk=disk,
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
                identities=Identities(IssuerKeys(issuers, clock)),
                clock=clock,
            )
            publish_target = publish_target_of(
                config, upstream.index, publisher, metrics.count_attempt
            )
            service = assemble(config, adapters, publish_target, urls, metrics, facts.identity)
            await _join_others(config, adapters, urls)
            await _recover_uploads(
                service, is_only_process=facts.identity.is_alone and not config.storage.database
            )
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
) -> AsyncIterator[tuple[ClientSession, ClientSession, ClientSession]]:
    """Open a session that reads upstream, one that publishes, and one that asks issuers."""
    patience = Timeouts(
        connect=config.upstream.connect_timeout,
        read=config.upstream.read_timeout,
    )
    tls = network.tls_context(os.environ)
    async with (
        open_session(patience, network, tls=tls) as reader,
        open_session(patience, network, keep_alive=False, tls=tls) as publisher,
        open_session(patience, network, tls=tls) as issuers,
    ):
        yield reader, publisher, issuers


def disk_of(config: Config, directory: DataDirectory, facts: ServerFacts) -> Disk:
    """Return the disk of a data directory."""
    settings = config.storage
    return Disk(
        directory.root,
        min_free=settings.min_free,
        reserve=settings.reserve,
        former_failure=facts.former_failure,
    )


async def _join_others(config: Config, adapters: Adapters, urls: StageUrls) -> None:
    """Refuse to start beside servers with another secret or other files, or where nothing is."""
    if config.storage.database or config.storage.files:
        await join(adapters.database, urls.secret, await adapters.files.installation())
    else:
        await check_alone(adapters.database, adapters.files.installation)


async def _recover_uploads(service: Service, *, is_only_process: bool) -> None:
    """Fail the uploads that were being completed. A full disk must not prevent the start."""
    try:
        if is_only_process:
            await service.leases.end_all()
        await service.completion.recover()
    except NoRoomError as error:
        log.error("unfinished uploads were not recovered: %s", error.sentence)  # noqa: TRY400 - known


async def _end_leases(service: Service) -> None:
    """Let other workers take over at once what this one did. Otherwise its leases lapse."""
    with suppress(StorageError):
        await service.leases.end(service.leases.holder)
