"""Here is how an artifact is taken into a stage."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.core.errors import (
    OtherReleaseError,
    Problem,
    RefusedError,
)
from stageproxy.core.release.digests import Received
from stageproxy.core.release.file_uploads import UploadStatus, UploadStep
from stageproxy.core.release.intake import Outcome, plan_intake
from stageproxy.core.release.stages import LIVE, Artifact, ArtifactKind, Stage
from stageproxy.core.release.upstream_state import (
    Coming,
    UpstreamState,
    findings_against,
    is_published,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.verdict.filenames import DistributionName, parse_distribution_name
from stageproxy.core.verdict.findings import Finding, Level
from stageproxy.core.verdict.metadata import FormFields
from stageproxy.core.verdict.rules import Upload, findings_of, form_findings
from stageproxy.ports import ArtifactFiles, Catalogue, Clock, IncomingFile, Rows
from stageproxy.services.access import require
from stageproxy.services.published import Published
from stageproxy.services.stages import Stages, check_release_is_free, end_expired, get_live, touched

log = logging.getLogger(__name__)

REPLACED = "The file was replaced by another upload of its name."


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """What uploads may do: exchange staged files; and whether suspicion is enough to refuse."""

    max_file_size: int
    replace: bool
    strict: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a client sent: the form's fields as they came, and the file, received but not kept.

    `upload_id`: the file upload that it completes, if it came by PEP 694.
    """

    form: FormFields
    filename: str
    content_type: str | None
    file: IncomingFile
    upload_id: str | None = None

    @property
    def project(self) -> NormalizedName:
        """The project that the form names."""
        return canonicalize_name(next((v for k, v in self.form if k == "name"), ""))


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an upload. No stage: PyPI has the very file already."""

    outcome: Outcome
    stage: Stage | None
    artifact: Artifact


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An artifact that nothing speaks against so far."""

    project: NormalizedName
    version: str
    artifact: Artifact
    form: FormFields
    core_metadata: bytes | None
    file: IncomingFile
    upload_id: str | None


@dataclass(frozen=True, slots=True)
class Uploads:
    """Takes artifacts into stages."""

    catalogue: Catalogue
    files: ArtifactFiles
    published: Published
    clock: Clock
    stages: Stages
    policy: UploadPolicy

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file for bytes that come in."""
        return self.files.receive()

    def check_size(self, size: int) -> None:
        """Refuse a file that grows beyond what is taken, with PyPI's sentence."""
        if size > self.policy.max_file_size:
            limit = self.policy.max_file_size // 2**20
            message = f"File too large. The limit of this server is {limit} MB."
            raise RefusedError([Problem("content", message)])

    async def take(self, token: ApiToken, arrival: Arrival, *, into: Stage | None) -> Taken:
        """Take a file *into* a stage, or into the one of its release, opened if need be.

        Raise `RefusedError` with everything that PyPI would say against it.
        """
        _refuse(form_findings(arrival.form), sources={"name"})
        if into is not None and into.project != arrival.project:
            raise OtherReleaseError(arrival.filename, staged=into.release)
        candidate = await self._examine(token, arrival)
        state = await self.published.state(candidate.project)
        notices = await self._notices(candidate, state)
        if is_published(candidate.artifact, state.listing):
            return Taken(Outcome.UNCHANGED, None, candidate.artifact)
        noted = replace(candidate.artifact, notices=(*candidate.artifact.notices, *notices))
        taken = await self._add(replace(candidate, artifact=noted), into)
        log.info(
            "stage %s: %s %s, %d bytes, by token %s",
            taken.stage.id if taken.stage else "-",
            taken.outcome,
            noted.filename,
            noted.size,
            token.id,
        )
        return taken

    async def _examine(self, token: ApiToken, arrival: Arrival) -> _Candidate:
        """Look at the file itself, as PyPI does; only what it would take goes on."""
        try:
            name = parse_distribution_name(arrival.filename)
        except ValueError:
            name = None
        require(token, Action.UPLOAD, arrival.project, str(name.version) if name else None)
        received = await arrival.file.finish()
        upload = await self._upload(arrival, received, name)
        findings = await asyncio.to_thread(findings_of, upload)
        _refuse(findings, strict=self.policy.strict)
        if name is None:
            raise AssertionError("a filename that cannot be read is refused")
        return _Candidate(
            project=arrival.project,
            version=str(name.version),
            artifact=self._artifact(upload, received, token, _told(findings)),
            form=arrival.form,
            core_metadata=upload.contents.core_metadata if name.is_wheel else None,
            file=arrival.file,
            upload_id=arrival.upload_id,
        )

    async def _notices(self, candidate: _Candidate, state: UpstreamState) -> tuple[str, ...]:
        """Return what is to be noted of upstream's state; refuse what it would refuse for that."""
        staged = await self.catalogue.read(lambda rows: _live_artifacts(rows, candidate.project))
        name = next(text for key, text in candidate.form if key == "name")
        coming = Coming(name, candidate.version, candidate.artifact, staged)
        findings = findings_against(coming, state, self.clock.now())
        _refuse(findings, strict=self.policy.strict)
        return _told(findings)

    async def _upload(
        self, arrival: Arrival, received: Received, name: DistributionName | None
    ) -> Upload:
        upload = Upload(
            form=arrival.form,
            filename=arrival.filename,
            content_type=arrival.content_type,
            sha256=received.sha256,
            blake2b_256=received.blake2b_256,
            md5=received.md5,
            name=name,
        )
        if name is None:
            return upload
        return replace(upload, contents=await arrival.file.read_contents(name))

    def _artifact(
        self, upload: Upload, received: Received, token: ApiToken, notices: tuple[str, ...]
    ) -> Artifact:
        kind = ArtifactKind(upload.get("filetype") or "")
        core_metadata = upload.contents.core_metadata
        is_served = kind is ArtifactKind.WHEEL and core_metadata is not None
        return Artifact(
            filename=upload.filename,
            kind=kind,
            sha256=received.sha256,
            blake2b_256=received.blake2b_256,
            md5=received.md5,
            size=received.size,
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
            notices=notices,
        )

    async def _add(self, candidate: _Candidate, into: Stage | None) -> Taken:
        now = self.clock.now()
        return await self.catalogue.write(lambda rows: self._work(rows, candidate, into, now))

    def _work(self, rows: Rows, candidate: _Candidate, into: Stage | None, now: datetime) -> Taken:
        """Add the artifact within one transaction: the stage is as it is now, not as it was."""
        end_expired(rows, candidate.project, now)
        stage = self._stage_for(rows, candidate, into, now)
        artifact = candidate.artifact
        outcome = plan_intake(
            stage,
            artifact,
            candidate.version,
            _live_artifacts(rows, candidate.project),
            replace=self.policy.replace,
        )
        is_settled = _settle_uploads(rows, stage, candidate)
        if outcome is Outcome.UNCHANGED and not is_settled:
            return Taken(outcome, stage, artifact)
        if stage.version is None:
            check_release_is_free(rows, stage.project, candidate.version)
        if outcome is Outcome.UNCHANGED:
            return Taken(outcome, self._touch(rows, stage, now), artifact)
        candidate.file.keep()
        held = stage.find_artifact(artifact.filename)
        if held and held.sha256 != artifact.sha256:
            rows.remove_artifact(stage.id, held, REPLACED)
        versioned = replace(stage, version=stage.version or candidate.version)
        rows.save_artifact(stage.id, artifact, candidate.form, candidate.core_metadata)
        return Taken(outcome, self._touch(rows, versioned, now), artifact)

    def _touch(self, rows: Rows, stage: Stage, now: datetime) -> Stage | None:
        rows.save_stage(touched(stage, now, longest=self.stages.limits.max_lifetime))
        return rows.find_stage(stage.id)

    def _stage_for(
        self, rows: Rows, candidate: _Candidate, into: Stage | None, now: datetime
    ) -> Stage:
        if into is not None:
            return get_live(rows, into.id, now)
        existing = rows.find_live_stage(candidate.project, candidate.version)
        if existing is not None:
            return existing
        stage = self.stages.new(candidate.project, candidate.version, now)
        self.stages.add(rows, stage)
        return stage


def _settle_uploads(rows: Rows, stage: Stage, candidate: _Candidate) -> bool:
    """Complete the file upload that brought the artifact; one that had failed is over with it."""
    upload = stage.find_upload(candidate.artifact.filename)
    if upload is not None and upload.id == candidate.upload_id:
        rows.save_file_upload(stage.id, upload.after(UploadStep.SUCCEED))
        return True
    if upload is not None and upload.status is UploadStatus.ERROR:
        rows.save_file_upload(stage.id, upload.after(UploadStep.DELETE))
        return True
    return False


def _live_artifacts(rows: Rows, project: str) -> Sequence[Artifact]:
    live = (stage for stage in rows.list_stages(project) if stage.status in LIVE)
    return [artifact for stage in live for artifact in stage.artifacts]


def _refuse(
    findings: Sequence[Finding], *, sources: set[str] | None = None, strict: bool = False
) -> None:
    """Raise if PyPI would refuse; with *sources*, only if one of these fields is at fault."""
    levels = {Level.REFUSE, Level.WARN} if strict else {Level.REFUSE}
    problems = [Problem(one.source, one.message) for one in findings if one.level in levels]
    if sources is not None and not any(one.source in sources for one in problems):
        return
    if problems:
        raise RefusedError(problems)


def _told(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what does not refuse a file, and is kept with it."""
    return tuple(one.message for one in findings if one.level is not Level.REFUSE)


def _digest_of(form: FormFields) -> str:
    """Return a digest that is the same for every order in which an uploader sends the fields."""
    return hashlib.sha256(json.dumps(sorted(form)).encode()).hexdigest()
