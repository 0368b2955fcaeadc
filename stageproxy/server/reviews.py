"""The assembly of reviews: what they read, where results are kept, and how much they may cost."""

import time
from dataclasses import dataclass, field

from aiohttp import ClientSession

from stageproxy.config import Config
from stageproxy.core.review.impact.targets import DEFAULT_TARGETS
from stageproxy.places import Places
from stageproxy.ports import ArtifactFiles, Index, Inspector, ReviewInspector
from stageproxy.services.background import Background
from stageproxy.services.findings import StageFindings
from stageproxy.services.review.counterparts import Counterparts
from stageproxy.services.review.jobs import Count, ReviewJobs
from stageproxy.services.review.resolver import ReleaseResolver
from stageproxy.services.review.reviews import Reviews
from stageproxy.services.review.work import ReviewWork
from stageproxy.store.derived import DerivedFiles
from stageproxy.upstream.circuits import Circuits
from stageproxy.upstream.downloads import FetchedFiles, FileDownloads
from stageproxy.upstream.pip_index import IndexUrls
from stageproxy.upstream.responses import StreamLimits
from stageproxy.upstream.traffic import Traffic

_DOWNLOADS = 2
_PLACE_SECONDS = 600
"""How many published files are downloaded at once, and how long others wait for that."""


@dataclass(frozen=True, slots=True)
class ReviewAdapters:
    """The ports of reviews as they are implemented."""

    inspector: ReviewInspector = field(repr=False)
    derived: DerivedFiles = field(repr=False)
    downloads: FetchedFiles = field(repr=False)
    index: Index = field(repr=False)
    upload_inspector: Inspector = field(repr=False)


def baseline_downloads_of(
    config: Config, session: ClientSession, index: IndexUrls, circuits: Circuits
) -> FetchedFiles:
    """Return the downloads of published files, with places of their own."""
    settings = config.upstream
    downloads = FileDownloads(
        session,
        index.simple,
        files_url=settings.files_url,
        limits=StreamLimits(settings.files_timeout, settings.min_rate),
        any_file_host=not settings.files_url,
    )
    places = Places(_DOWNLOADS, _PLACE_SECONDS)
    return FetchedFiles(downloads, Traffic(streams=places, circuits=circuits))


def reviews_of(
    config: Config,
    adapters: ReviewAdapters,
    files: ArtifactFiles,
    findings: StageFindings,
    count: Count,
) -> Reviews:
    """Return the reviews of a server."""
    settings, clock = config.review, findings.clock
    counterparts = Counterparts(adapters.downloads, adapters.derived, settings.max_file_size)
    work = ReviewWork(
        files,
        adapters.derived,
        adapters.inspector,
        counterparts,
        ReleaseResolver(
            adapters.index, adapters.downloads, counterparts, adapters.upload_inspector
        ),
        clock,
        settings.max_download,
    )
    jobs = ReviewJobs(clock, Background(), time.monotonic, count)
    return Reviews(
        findings.catalogue,
        findings,
        adapters.derived,
        work,
        jobs,
        clock,
        settings.targets or DEFAULT_TARGETS,
        {name: one.expects for name, one in config.projects.items()},
        in_background=settings.background,
    )
