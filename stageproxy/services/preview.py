"""Previews: what the index would serve if the stage were published."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from packaging.utils import canonicalize_name

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.errors import (
    DamagedFileError,
    GoneError,
    NotFoundError,
    UpstreamFailedError,
)
from stageproxy.core.index.links import is_web_url
from stageproxy.core.index.other_pages import OtherPage
from stageproxy.core.index.redirects import Redirection, check_redirection
from stageproxy.core.index.targets import FileTarget
from stageproxy.core.promotion.journal import Entry
from stageproxy.core.rights import TokenKind, parse_token
from stageproxy.core.stage.lifetime import as_of, end_message, next_change
from stageproxy.core.stage.listing import artifact_at
from stageproxy.core.stage.stage import Artifact, Stage, Status, as_previewed
from stageproxy.ports import (
    ArtifactFiles,
    AskedPage,
    Clock,
    Index,
    OtherPages,
    PublishedFiles,
    StoredBytes,
    UpstreamResponse,
)

_ROTATED = "This stage URL was replaced by a new one. Ask the release manager for it."


@dataclass(frozen=True, slots=True)
class StagedBytes:
    """A staged file: where its bytes are, and its artifact."""

    stored: StoredBytes
    artifact: Artifact


@dataclass(frozen=True, slots=True)
class Previews:
    """Finds stages by their URLs, their files, and what upstream has instead.

    *any_file_host*: whether upstream can redirect files to any host.
    *published_files*: those of the index on which stages are published, if there is one.
    """

    catalogue: Catalogue
    files: ArtifactFiles
    index: Index
    other_pages: OtherPages
    clock: Clock
    retention: timedelta
    any_file_host: bool
    published_files: PublishedFiles | None

    async def open_stage(self, project: str, token: str) -> Stage:
        """Return the stage of a stage URL.

        Unknown tokens, malformed tokens and tokens of other projects get the
        same error. A stage that has ended is reported as gone for its
        retention time, and is not found after that.
        """
        name = canonicalize_name(project)
        return await self._open(token, lambda stage: stage.project == name)

    async def open_by_id(self, stage_id: str, token: str) -> Stage:
        """Return the stage of an id and its token, with the same errors as for its URL."""
        return await self._open(token, lambda stage: stage.id == stage_id)

    async def _open(self, token: str, is_meant: Callable[[Stage], bool]) -> Stage:
        parsed = parse_token(token)
        if parsed is None or parsed.kind is not TokenKind.STAGE:
            raise NotFoundError
        found = await self.catalogue.read(lambda rows: rows.stages.find_by_token(parsed.digest))
        if found is None or not is_meant(found[0]):
            raise NotFoundError
        stage, rotation = found
        return self._if_open(as_of(stage, self.clock.now()), is_current=rotation == stage.rotation)

    def _if_open(self, stage: Stage, *, is_current: bool) -> Stage:
        if stage.ended_at and self.clock.now() >= stage.ended_at + self.retention:
            raise NotFoundError
        if stage.status is Status.CANCELED:
            raise GoneError(end_message(stage))
        if not is_current:
            raise GoneError(_ROTATED)
        return as_previewed(stage, self.clock.now())

    def next_change(self, stage: Stage) -> datetime | None:
        """Return when the preview of a stage changes by time alone, `None` if it never does."""
        return next_change(stage, self.clock.now(), self.retention)

    async def with_all_files(self, stage: Stage) -> Stage:
        """Return a stage with all its files, even those that its preview no longer adds."""
        stored = await self.catalogue.read(lambda rows: rows.stages.find(stage.id))
        return stored if stored is not None and stage.status is Status.PUBLISHED else stage

    async def find_file(self, stage: Stage, target: FileTarget) -> StagedBytes | None:
        """Return the staged file of a path, or `None` if upstream has to answer.

        Raise `DamagedFileError` if it has not all its bytes: installers would keep the rest.
        """
        artifact = await self._find_artifact(stage, target)
        if artifact is None:
            return None
        stored = await self.files.locate(artifact.sha256)
        if stored is None or stored.size != artifact.size:
            size = stored.size if stored is not None else None
            raise DamagedFileError(artifact.filename, stored=size, size=artifact.size)
        return StagedBytes(stored, artifact)

    async def find_published(self, stage: Stage, target: FileTarget) -> str | None:
        """Return the URL of a file of a published stage on the index, or `None`.

        A link with a query is read again, since it may be signed. Such a link tells
        nothing of the METADATA file beside it. A link that is no URL of a web server leads
        nowhere: upstream has to answer then.
        """
        if stage.status is not Status.PUBLISHED:
            return None

        def work(rows: Rows) -> Entry | None:
            stored = rows.stages.find(stage.id) or stage
            if artifact_at(stored, target.blake2b_256, target.filename) is None:
                return None
            return rows.promotions.find_journal(stage.id)[target.filename]

        entry = await self.catalogue.read(work)
        if entry is None or (entry.has_query and target.of_metadata):
            return None
        url = entry.url
        if entry.has_query and self.published_files is not None:
            url = await self.published_files.url_of(stage.project, target.filename) or url
        if not is_web_url(url):
            return None
        return f"{url}.metadata" if target.of_metadata else url

    async def find_core_metadata(self, stage: Stage, target: FileTarget) -> bytes | None:
        """Return the METADATA file of a staged wheel, or `None` if upstream has to answer.

        The wheel may be replaced while it is asked for: its METADATA is never that of another.
        """
        artifact = await self._find_artifact(stage, target)
        if artifact is None:
            return None
        if artifact.core_metadata_sha256 is None:
            raise NotFoundError

        def work(rows: Rows) -> tuple[Stage, bytes | None]:
            metadata = rows.artifacts.find_core_metadata(stage.id, target.filename)
            return rows.stages.find(stage.id) or stage, metadata

        now, metadata = await self.catalogue.read(work)
        return metadata if await self._find_artifact(now, target) else None

    def ask_upstream(
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Request a path from upstream that the stage does not change, maybe *only_headers*."""
        return self.index.open(path, headers, only_headers=only_headers)

    def find_other_page(self, asked: AskedPage) -> OtherPage | None:
        """Return a page of another project that can be used without a request."""
        return self.other_pages.find(asked)

    def ask_for_other_page(
        self, asked: AskedPage
    ) -> AbstractAsyncContextManager[OtherPage | UpstreamResponse]:
        """Request a page of another project, which may turn out to be another response."""
        return self.other_pages.open(asked)

    def url_of(self, path: str) -> str:
        """Return upstream's URL of a path, without its query."""
        return self.index.space.url_of(path.partition("?")[0])

    def redirection(self, location: str, requested: str) -> Redirection:
        """Return the target of a redirect that upstream sent for the path *requested*.

        Raise if its host is not configured, or its path is the same.
        """
        target = self.index.resolve(location, requested)
        if target.path == requested:
            raise UpstreamFailedError("PyPI redirects in a loop.")
        check_redirection(target, requested, any_file_host=self.any_file_host)
        return target

    async def _find_artifact(self, stage: Stage, target: FileTarget) -> Artifact | None:
        """Return the artifact. Raise `GoneError` if it was replaced or withdrawn."""
        artifact = artifact_at(stage, target.blake2b_256, target.filename)
        if artifact is not None:
            return artifact
        reason = await self.catalogue.read(
            lambda rows: rows.artifacts.find_former(stage.id, target.blake2b_256, target.filename)
        )
        if reason:
            raise GoneError(reason)
        return None
