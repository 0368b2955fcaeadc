"""Examination of uploads: what PyPI would report, and the artifact that an upload becomes."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.catalogue import Catalogue
from stageproxy.core.archives.contents import Contents
from stageproxy.core.archives.filenames import DistributionName, parse_distribution_name
from stageproxy.core.errors import OtherReleaseError, Problem, RefusedError
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.rules.attestations import FIELD
from stageproxy.core.rules.findings import Finding, Level, not_known
from stageproxy.core.rules.table import in_pypi_order, names_a_project, placed_index_findings
from stageproxy.core.rules.upload import IndexState, Upload
from stageproxy.core.stage.accept import (
    check_bytes_as_published,
    check_project_accepts_uploads,
    find_closed,
    index_state_of,
    is_published,
)
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage
from stageproxy.core.values import FormFields
from stageproxy.ports import Clock, IncomingFile, Inspector
from stageproxy.services.access import require
from stageproxy.services.background import one_failure
from stageproxy.services.live_stages import list_live_artifacts
from stageproxy.services.upstream_state import UpstreamReader, UpstreamState


@dataclass(frozen=True, slots=True)
class IncomingUpload:
    """An upload as a client sends it: the form's fields in order, and the file, not stored yet.

    `upload_id`: the file upload that it completes, if it is one of PEP 694.
    """

    form: FormFields
    filename: str
    content_type: str | None
    file: IncomingFile
    upload_id: str | None = None

    @property
    def project(self) -> NormalizedName:
        """The project that the form names."""
        return _project_in(self.form)


@dataclass(frozen=True, slots=True)
class AcceptedUpload:
    """An upload that PyPI would accept, and the artifact that it becomes.

    `is_published`: whether PyPI has this file already.
    """

    incoming: IncomingUpload
    artifact: Artifact
    version: str
    core_metadata: bytes | None
    is_published: bool
    why_no_page: str


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines uploads as PyPI would; *strict*: whether warnings refuse an upload, too."""

    catalogue: Catalogue
    reader: UpstreamReader
    inspector: Inspector
    clock: Clock
    strict: bool

    async def examine(
        self, token: ApiToken, incoming: IncomingUpload, *, into: Stage | None = None
    ) -> AcceptedUpload:
        """Return the accepted upload. Raise `RefusedError` with all that PyPI would report.

        *into*: the stage that the file must belong to.
        """
        if not names_a_project(incoming.form):
            _refuse(await self.form_findings(token, incoming.form))
            raise RefusedError([Problem("name", "The form must name one project.")])
        project = incoming.project
        if into is not None and into.project != project:
            raise OtherReleaseError(incoming.filename, staged=into.release)
        name = _find_name(incoming.filename)
        require(token, Action.UPLOAD, project, str(name.version) if name else None)
        # Side by side: each can take seconds, and some uploaders time out after ten.
        async with one_failure(), asyncio.TaskGroup() as group:
            finishing = group.create_task(incoming.file.finish(md5=_names_md5(incoming.form)))
            asking = group.create_task(self.reader.state(project))
            reading = group.create_task(_contents_of(incoming, name, token))
        digests, state, contents = finishing.result(), asking.result(), reading.result()
        index_state = await self._index_state(project, name, state)
        upload = _upload_of(incoming, digests, name, contents, index_state)
        lasting = await self.inspector.findings(upload, token.id)
        findings = in_pypi_order([*lasting, *placed_index_findings(upload)])
        _refuse(findings, strict=self.strict)
        if name is None:
            raise AssertionError("a filename that cannot be parsed is refused")
        artifact = replace(
            self._artifact(upload, digests, token, tuple(in_pypi_order(lasting))),
            attestations=await self._attestations(token, upload),
        )
        if state.listing is not None:
            check_project_accepts_uploads(project, state.listing)
            check_bytes_as_published(artifact, state.listing)
        return AcceptedUpload(
            incoming=incoming,
            artifact=artifact,
            version=str(name.version),
            core_metadata=contents.core_metadata if name.is_wheel else None,
            is_published=state.listing is not None and is_published(artifact, state.listing),
            why_no_page=state.why_not,
        )

    async def predict(
        self, token: ApiToken, form: FormFields, filename: str, size: int
    ) -> list[Finding]:
        """Return what PyPI would report about a file, as far as its form, name and size show it.

        *size* is in bytes; the digests are those of the form.
        """
        if not names_a_project(form):
            # Without a project there is nothing to read upstream, and nothing to authorize.
            return [*await self.form_findings(token, form)]
        project, name = _project_in(form), _find_name(filename)
        require(token, Action.UPLOAD, project, str(name.version) if name else None)
        state = await self.reader.state(project)
        upload = Upload(
            form=form,
            filename=filename,
            content_type=None,
            sha256=_claimed(form, "sha256_digest"),
            blake2b_256=_claimed(form, "blake2_256_digest"),
            md5=_claimed(form, "md5_digest"),
            name=name,
            size=size,
            index_state=await self._index_state(project, name, state),
        )
        closed = find_closed(project, state.listing) if state.listing else None
        lasting = await self.inspector.findings(upload, token.id)
        findings = in_pypi_order([*lasting, *placed_index_findings(upload)])
        unknown = [not_known(notice, "index") for notice in state.notices]
        return [*findings, *([closed] if closed else []), *unknown]

    async def _attestations(self, token: ApiToken, upload: Upload) -> int:
        text = upload.get(FIELD)
        return await self.inspector.attestations_in(text, token.id) if text else 0

    async def form_findings(self, token: ApiToken, form: FormFields) -> Sequence[Finding]:
        """Return what PyPI would report about a form without its file."""
        return await self.inspector.form_findings(form, token.id)

    async def _index_state(
        self, project: NormalizedName, name: DistributionName | None, state: UpstreamState
    ) -> IndexState | None:
        if state.listing is None:
            return None
        return index_state_of(
            state.listing,
            str(name.version) if name else None,
            self.clock.now(),
            similar=state.similar,
            staged=await self.catalogue.read(lambda rows: list_live_artifacts(rows, project)),
        )

    def _artifact(
        self, upload: Upload, digests: FileDigests, token: ApiToken, findings: tuple[Finding, ...]
    ) -> Artifact:
        kind = ArtifactKind(upload.get("filetype") or "")
        core_metadata = upload.contents.core_metadata
        is_served = kind is ArtifactKind.WHEEL and core_metadata is not None
        return Artifact(
            filename=upload.filename,
            kind=kind,
            sha256=digests.sha256,
            blake2b_256=digests.blake2b_256,
            md5=digests.md5,
            size=digests.size,
            form_sha256=_digest_of(upload.form),
            requires_python=upload.get("requires_python"),
            summary=upload.get("summary"),
            requires_dist=tuple(v for k, v in upload.form if k == "requires_dist" and v),
            core_metadata_sha256=(
                hashlib.sha256(core_metadata).hexdigest()
                if is_served and core_metadata is not None
                else None
            ),
            uploaded_at=self.clock.now(),
            uploaded_by=token.id,
            findings=findings,
        )


def _project_in(form: FormFields) -> NormalizedName:
    return canonicalize_name(next((value for key, value in form if key == "name"), ""))


def _names_md5(form: FormFields) -> bool:
    return any(key == "md5_digest" for key, _ in form)


def _claimed(form: FormFields, digest: str) -> str:
    return next((value for key, value in form if key == digest), "").lower()


async def _contents_of(
    incoming: IncomingUpload, name: DistributionName | None, token: ApiToken
) -> Contents:
    return await incoming.file.read_contents(name, token.id) if name else Contents()


def _upload_of(
    incoming: IncomingUpload,
    digests: FileDigests,
    name: DistributionName | None,
    contents: Contents,
    index_state: IndexState | None,
) -> Upload:
    return Upload(
        form=incoming.form,
        filename=incoming.filename,
        content_type=incoming.content_type,
        sha256=digests.sha256,
        blake2b_256=digests.blake2b_256,
        md5=digests.md5,
        name=name,
        contents=contents,
        size=digests.size,
        index_state=index_state,
    )


def _find_name(filename: str) -> DistributionName | None:
    try:
        return parse_distribution_name(filename)
    except ValueError:
        return None


def _refuse(findings: Sequence[Finding], *, strict: bool = False) -> None:
    """Raise if PyPI would refuse."""
    levels = {Level.REFUSE, Level.WARN} if strict else {Level.REFUSE}
    problems = [
        Problem(one.source, one.message, one.page) for one in findings if one.level in levels
    ]
    if problems:
        raise RefusedError(problems)


def _digest_of(form: FormFields) -> str:
    """Return a digest of the form that does not depend on the order of its fields."""
    return hashlib.sha256(json.dumps(sorted(form)).encode()).hexdigest()
