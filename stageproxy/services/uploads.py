"""Here is how an artifact is taken into a stage."""

import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import Problem, RefusedError
from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.accept import Outcome, plan_acceptance
from stageproxy.core.stage.events import ACTION_OF_STEP, artifact_details, file_event, stage_event
from stageproxy.core.stage.file_uploads import UploadStatus, UploadStep
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.ports import ArtifactFiles, Catalogue, Clock, IncomingFile, Rows
from stageproxy.services.examine import Arrival, Candidate, Examiner
from stageproxy.services.live_stages import (
    check_release_is_free,
    end_expired,
    get_live,
    list_live_artifacts,
)
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)

_ABOUT_SIZES = "docs/project-management/storage-limits#requesting-a-file-size-limit-increase"

REPLACED = "The file was replaced by another upload of its name."


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """What uploads may do: how large a file may be, and whether staged ones are exchanged."""

    max_file_size: int
    replace: bool

    def check_size(self, size: int, project: str) -> None:
        """Refuse a file that grows beyond what is taken, with PyPI's sentence."""
        if size > self.max_file_size:
            limit = self.max_file_size // 2**20
            message = f"File too large. Limit for project {project!r} is {limit} MB."
            raise RefusedError([Problem("content", message, page=_ABOUT_SIZES)])


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an upload. No stage: PyPI has the very file already."""

    outcome: Outcome
    stage: Stage | None
    artifact: Artifact


@dataclass(frozen=True, slots=True)
class Uploads:
    """Takes artifacts into stages."""

    catalogue: Catalogue
    files: ArtifactFiles
    examiner: Examiner
    clock: Clock
    stages: Stages
    policy: UploadPolicy

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file for bytes that come in."""
        return self.files.receive()

    def check_size(self, size: int, project: str) -> None:
        """Refuse a file that grows beyond what is taken, with PyPI's sentence."""
        self.policy.check_size(size, project)

    async def take(self, token: ApiToken, arrival: Arrival, *, into: Stage | None) -> Taken:
        """Take a file *into* a stage, or into the one of its release, opened if need be.

        Raise `RefusedError` with everything that PyPI would say against it.
        """
        candidate = await self.examiner.examine(token, arrival, into=into)
        if candidate.is_published:
            return Taken(Outcome.UNCHANGED, None, candidate.artifact)
        taken = await self._add(candidate, into)
        log.info(
            "stage %s: %s %s, %d bytes, by token %s",
            taken.stage.id if taken.stage else "-",
            taken.outcome,
            candidate.artifact.filename,
            candidate.artifact.size,
            token.id,
        )
        return taken

    async def _add(self, candidate: Candidate, into: Stage | None) -> Taken:
        now = self.clock.now()
        return await self.catalogue.write(lambda rows: self._work(rows, candidate, into, now))

    def _work(self, rows: Rows, candidate: Candidate, into: Stage | None, now: datetime) -> Taken:
        """Add the artifact within one transaction: the stage is as it is now, not as it was."""
        end_expired(rows, candidate.project, now)
        stage = self._stage_for(rows, candidate, into, now)
        artifact = candidate.artifact
        outcome = plan_acceptance(
            stage,
            artifact,
            candidate.version,
            list_live_artifacts(rows, candidate.project),
            replace=self.policy.replace,
        )
        is_settled = _settle_uploads(rows, stage, candidate, now)
        if outcome is Outcome.UNCHANGED and not is_settled:
            return Taken(outcome, stage, artifact)
        if stage.version is None:
            check_release_is_free(rows, stage.project, candidate.version)
        if outcome is Outcome.UNCHANGED:
            return Taken(outcome, self.stages.save_edited(rows, stage, now), artifact)
        candidate.file.commit()
        held = stage.find_artifact(artifact.filename)
        if held and held.sha256 != artifact.sha256:
            rows.artifacts.remove(stage.id, held, REPLACED)
        versioned = replace(stage, version=stage.version or candidate.version)
        rows.artifacts.save(stage.id, artifact, candidate.form, candidate.core_metadata)
        action = AuditAction.UPLOADED if outcome is Outcome.UPLOADED else AuditAction.REPLACED
        replaced = {"replaced_sha256": held.sha256} if held else {}
        details = {**artifact_details(artifact), **replaced}
        rows.audit.add(stage_event(versioned, action, artifact.uploaded_by, now, **details))
        return Taken(outcome, self.stages.save_edited(rows, versioned, now), artifact)

    def _stage_for(
        self, rows: Rows, candidate: Candidate, into: Stage | None, now: datetime
    ) -> Stage:
        if into is not None:
            return get_live(rows, into.id, now)
        existing = rows.stages.find_live(candidate.project, candidate.version)
        if existing is not None:
            return existing
        stage = self.stages.new(candidate.project, candidate.version, now)
        self.stages.add(rows, stage, candidate.artifact.uploaded_by)
        return stage


def _settle_uploads(rows: Rows, stage: Stage, candidate: Candidate, now: datetime) -> bool:
    """Complete the file upload that brought the artifact; one that had failed is over with it."""
    upload = stage.find_upload(candidate.artifact.filename)
    if upload is None:
        return False
    if upload.id == candidate.upload_id:
        step = UploadStep.SUCCEED
    elif upload.status is UploadStatus.ERROR:
        step = UploadStep.DELETE
    else:
        return False
    settled = upload.after(step)
    rows.file_uploads.save(stage.id, settled)
    rows.audit.add(
        file_event(stage, settled, ACTION_OF_STEP[step], candidate.artifact.uploaded_by, now)
    )
    return True
