"""The indexes of a server: upstream, and the one on which releases are published."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from aiohttp import ClientSession
from packaging.utils import canonicalize_name
from yarl import URL

from stageproxy.config import Config
from stageproxy.core.promotion.plan import Pace
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.rights import Credential
from stageproxy.places import Places
from stageproxy.ports import Clock
from stageproxy.server.clock import SystemClock
from stageproxy.server.storage import lease_times_of
from stageproxy.services.promotion.confirmed_listing import ConfirmedListing
from stageproxy.services.promotion.credentials import PromotionCredentials
from stageproxy.services.promotion.publish_target import PublishTarget
from stageproxy.services.similar_names import NameSearches
from stageproxy.services.upstream_state import UpstreamReader
from stageproxy.upstream.cache import CachedIndex
from stageproxy.upstream.circuits import Circuits
from stageproxy.upstream.copies import Copies, CopyLimits
from stageproxy.upstream.downloads import FileDownloads
from stageproxy.upstream.health import UpstreamHealth
from stageproxy.upstream.index import IndexLimits, IndexPolicy, UpstreamIndex
from stageproxy.upstream.network import DEFAULTS
from stageproxy.upstream.other_pages import OtherPageCache
from stageproxy.upstream.pip_index import (
    IndexUrls,
    NoPipIndexError,
    PipSettings,
    publishing_urls,
    settings_of_pip,
    urls_of,
    urls_of_simple,
    without_credentials,
)
from stageproxy.upstream.responses import StreamLimits
from stageproxy.upstream.traffic import Traffic
from stageproxy.upstream.upload_client import HttpUploadClient

_PLACE_SECONDS = 10
"""How long a request of a client waits until another response has been passed on."""

_SHARE_OF_OTHERS = 2
"""The memory for cached documents is so many times that for pages of other projects."""

_PREFLIGHT_SECONDS = 30
"""How long the index that confirms may take to list a project, before a release is published."""


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


@dataclass(frozen=True, slots=True)
class UpstreamIndexes:
    """Upstream for previews, and for what is decided by it, with places of its own."""

    previewed: CachedIndex
    deciding: CachedIndex
    other_pages: OtherPageCache
    circuits: Circuits


def indexes_of(
    config: Config,
    upstream: PipSettings,
    session: ClientSession,
    clock: Clock,
    report: Callable[[str, float], None],
) -> UpstreamIndexes:
    """Return the index that is previewed."""
    settings = config.upstream
    policy = replace(_policy_of(config), network=upstream.network)
    traffic = Traffic(streams=Places(settings.max_streams, _PLACE_SECONDS))
    health = UpstreamHealth(clock)
    limits = CopyLimits(settings.fresh_for, settings.stale_for, settings.cache_size)
    copies = Copies(limits)
    previewed, deciding = (
        CachedIndex(
            UpstreamIndex(session, upstream.index, policy, _limits_of(config), one),
            copies,
            health,
            report,
        )
        for one in (traffic, traffic.for_decisions())
    )
    others = OtherPageCache(
        previewed,
        replace(limits, max_size=settings.cache_size // _SHARE_OF_OTHERS),
        settings.max_page_size,
    )
    return UpstreamIndexes(previewed, deciding, others, traffic.circuits)


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
        UpstreamIndex(
            session,
            urls_of_simple(str(urls.index)),
            own_projects_only,
            _limits_of(config),
            Traffic().for_decisions(),
        ),
        # What is published is fetched each time: nothing of it is cached.
        Copies(CopyLimits()),
        UpstreamHealth(SystemClock()),
    )
    return PublishTarget(
        urls=PublishUrls(
            str(without_credentials(urls.repository)), str(without_credentials(urls.index))
        ),
        reader=UpstreamReader(index, NameSearches(index), _PREFLIGHT_SECONDS),
        confirmed_listing=ConfirmedListing(index, _downloads_of(config, session, urls.index)),
        upload_client=HttpUploadClient(
            session, str(urls.repository), idle_timeout=settings.timeout
        ),
        credentials=_credentials_of(config, urls.repository),
        pace=Pace(
            settings.parallel,
            settings.poll,
            settings.patience,
            renew=lease_times_of(config).renewed_every,
        ),
        pause=_pause,
        count=count,
    )


def _downloads_of(config: Config, session: ClientSession, index: URL) -> FileDownloads:
    limits = _limits_of(config).streams
    return FileDownloads(session, index, files_url=config.upstream.files_url, limits=limits)


def _policy_of(config: Config) -> IndexPolicy:
    return IndexPolicy(
        files_url=config.upstream.files_url,
        fallback_url=config.upstream.fallback_url,
        is_private=config.upstream.private,
        forbidden_means_missing=config.upstream.forbidden_means_missing,
    )


def _limits_of(config: Config) -> IndexLimits:
    settings = config.upstream
    streams = StreamLimits(settings.files_timeout, settings.min_rate)
    return IndexLimits(settings.total_timeout, settings.max_page_size, streams)


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
