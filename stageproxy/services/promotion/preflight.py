"""The examination of a stage before it is published: files, rules, and the index as it is."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stageproxy.catalogue import Catalogue
from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.index.pages import Listing
from stageproxy.core.promotion.examination import Examination, attestation_notices, find_damage
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.table import in_pypi_order
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.accept import is_published
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.release_findings import as_named, on_what_was_read
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.ports import ArtifactFiles, Inspector
from stageproxy.services.findings import StageFindings
from stageproxy.services.promotion.confirmed_listing import index_file
from stageproxy.services.promotion.publish_target import PublishTarget

log = logging.getLogger(__name__)

_AT_ONCE = 2
"""How many archives are read at the same time: uploads, which cannot wait, need the others."""

_LOOK_UP_SECONDS = 5.0
"""How long the index may take to answer about the dependencies of a release."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Examines stages before they are published."""

    catalogue: Catalogue
    files: ArtifactFiles
    inspector: Inspector
    findings: StageFindings
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def examine(
        self, stage: Stage, target: PublishTarget, publisher: Publisher
    ) -> Examination:
        """Return the findings about a stage now.

        Raise `ConflictError` if it is not complete, `UpstreamUnavailableError` if the index
        cannot be read.
        """
        _check_is_whole(stage)
        state = await target.reader.state(stage.project)
        if state.listing is None:
            raise UpstreamUnavailableError(
                f"What the index has of {stage.project} could not be read, so nothing can be sent. "
                f"{state.why_not}"
            )
        listing = await _with_hashes(stage, target, state.listing, state.page_url)
        state = replace(state, listing=listing)
        published = frozenset(one.filename for one in stage.artifacts if is_published(one, listing))
        lasting = await self._lasting(stage)
        findings = await self.findings.listed(stage, lasting, state, seconds=_LOOK_UP_SECONDS)
        dropped = attestation_notices(stage.artifacts) if publisher is Publisher.SERVER else []
        return Examination(stage, findings, published, tuple(dropped))

    async def _lasting(self, stage: Stage) -> Mapping[str, Sequence[Finding]]:
        """Read every file from disk, and return the findings that the files themselves have."""
        damaged = await self._damaged(stage)
        intact = [one for one in stage.artifacts if one.filename not in damaged]
        found = await asyncio.gather(*(self._file_findings(stage, one) for one in intact))
        examined = {one.filename: each for one, each in zip(intact, found, strict=True)}
        return {**examined, **{name: [one] for name, one in damaged.items()}}

    async def _file_findings(self, stage: Stage, artifact: Artifact) -> Sequence[Finding]:
        """Read an archive, and return what the rules find in the file."""
        async with self.slots:
            upload = as_named(await self._upload(stage, artifact))
            found = await self.inspector.findings(upload, stage.project)
        return on_what_was_read(upload, in_pypi_order(found))

    async def _damaged(self, stage: Stage) -> Mapping[str, Finding]:
        """Read every file from disk, and return the findings about damaged ones by filename."""
        findings = {
            one.filename: find_damage(one, await self._sha256_of(one)) for one in stage.artifacts
        }
        return {name: finding for name, finding in findings.items() if finding is not None}

    async def _sha256_of(self, artifact: Artifact) -> str | None:
        try:
            return (await self.files.digests(artifact.sha256, {"sha256": 0}))["sha256"]
        except OSError as error:
            log.warning("cannot read the stored copy of %s: %s", artifact.filename, error.strerror)
            return None

    async def _upload(self, stage: Stage, artifact: Artifact) -> Upload:
        """Return an artifact as the rules judge uploads: its stored form, and its archive."""
        form = await self.catalogue.read(
            lambda rows: rows.artifacts.find_form(stage.id, artifact.filename)
        )
        received = FileDigests(artifact.size, artifact.sha256, artifact.blake2b_256, artifact.md5)
        name = parse_distribution_name(artifact.filename)
        contents = await self.files.reopen(received).read_contents(name, stage.project)
        return Upload(
            form=form,
            filename=artifact.filename,
            content_type=None,
            sha256=artifact.sha256,
            blake2b_256=artifact.blake2b_256,
            md5=artifact.md5,
            name=name,
            contents=contents,
            size=artifact.size,
        )


def _check_is_whole(stage: Stage) -> None:
    """Raise `ConflictError` if a stage has no files, or uploads that are not completed."""
    if stage.uploads:
        names = ", ".join(f"{one.filename} ({one.status})" for one in stage.uploads)
        raise ConflictError(
            f"Some uploads are not completed: {names}. Complete or delete them first."
        )
    if not stage.artifacts:
        raise ConflictError(f"Stage {stage.release} has no files. Upload one first.")


async def _with_hashes(
    stage: Stage, target: PublishTarget, listing: Listing, page_url: str
) -> Listing:
    """Return the listing with the hashes of all files that have the names of staged ones.

    If the page has no hash of a file, only its bytes show whether it is the staged one.
    """
    names = [one.filename for one in stage.artifacts if one.filename in listing.files]
    listed = {name: index_file(page_url, listing.files[name]) for name in names}
    hashed = await target.confirmed_listing.with_hashes(listed, stage.artifacts)
    files = {name: replace(listing.files[name], sha256=it.sha256) for name, it in hashed.items()}
    return replace(listing, files={**listing.files, **files})
