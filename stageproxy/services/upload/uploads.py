"""Accepting uploads into stages."""

import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.utils import canonicalize_name

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import Problem, RefusedError
from stageproxy.core.limits import Amounts, Scope, with_bytes
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.accept import Outcome, plan_acceptance
from stageproxy.core.stage.events import ACTION_OF_STEP, artifact_details, file_event, stage_event
from stageproxy.core.stage.file_uploads import UploadStatus, UploadStep
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import ArtifactFiles, Clock, IncomingFile
from stageproxy.services.access import require_still
from stageproxy.services.leases import of_upload
from stageproxy.services.live_stages import (
    check_release_is_free,
    end_expired,
    final_files_of,
    get_live,
    list_live_artifacts,
)
from stageproxy.services.quotas import Quotas
from stageproxy.services.stages import Stages
from stageproxy.services.upload.examine import AcceptedUpload, Examiner, IncomingUpload

log = logging.getLogger(__name__)

_ABOUT_SIZES = "docs/project-management/storage-limits#requesting-a-file-size-limit-increase"

REPLACED = "This file was replaced by a later upload of the same name."


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """The largest file, in bytes, and whether staged files can be replaced."""

    max_file_size: int
    replace: bool

    def check_size(self, size: int, project: str) -> None:
        """Refuse a file that is too large, with PyPI's sentence."""
        if size > self.max_file_size:
            limit = self.max_file_size // 2**20
            message = f"File too large. Limit for project {project!r} is {limit} MB."
            raise RefusedError([Problem("content", message, page=_ABOUT_SIZES)])


@dataclass(frozen=True, slots=True)
class Allowance:
    """How large the file of an upload can be. It is known before the file has come.

    *used* is how much is used of the limits, or `None` if the file is staged already.
    """

    policy: UploadPolicy
    quotas: Quotas
    project: str
    used: Amounts | None

    def check(self, size: int) -> None:
        """Raise if a file of *size* bytes is too large, or exceeds a limit."""
        self.policy.check_size(size, self.project)
        if self.used is not None:
            self.quotas.check_size(self.used, size, self.project)


@dataclass(frozen=True, slots=True)
class UploadResult:
    """The outcome of an upload, and the stage; no stage if PyPI already has the file.

    `why_no_page` says why upstream's page, and so that of the stage, cannot be read.
    """

    outcome: Outcome
    stage: Stage | None
    why_no_page: str = ""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Accepts uploads into stages."""

    catalogue: Catalogue
    files: ArtifactFiles
    examiner: Examiner
    clock: Clock
    stages: Stages
    policy: UploadPolicy

    def receive(self, *, md5: bool) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file for the bytes of an upload. *md5*: whether its client names that digest."""
        return self.files.receive(md5=md5)

    def check_room(self, size: int) -> None:
        """Raise `StorageError` unless a file of *size* bytes may be stored."""
        self.files.check_room(size)

    def check_size(self, size: int, project: str) -> None:
        """Refuse a file that is too large, with PyPI's sentence."""
        self.policy.check_size(size, project)

    async def allowance(
        self, token: ApiToken, project: str, filename: str, sha256: str | None
    ) -> Allowance:
        """Return how large a file can be, whose form has named its *project* and its digest.

        A file that it replaces makes room for it.
        """
        normalized = canonicalize_name(project)

        def work(rows: Rows) -> Amounts | None:
            staged = list_live_artifacts(rows, normalized)
            if any(one.sha256 == sha256 for one in staged):
                return None
            replaced = sum(one.size for one in staged if one.filename == filename)
            return with_bytes(rows.usage(Scope(token.id, normalized)), -replaced)

        used = await self.catalogue.read(work)
        return Allowance(self.policy, self.stages.quotas, project, used)

    async def accept(
        self, token: ApiToken, incoming: IncomingUpload, *, into: Stage | None
    ) -> UploadResult:
        """Accept an upload *into* a stage, or into that of its release, which is opened if needed.

        Raise `RefusedError` with every problem that PyPI would report.
        """
        accepted = await self.examiner.examine(token, incoming, into=into)
        await incoming.file.store()
        if accepted.is_published:
            await self.catalogue.write(lambda rows: _restore_if_staged(rows, accepted))
            return UploadResult(Outcome.UNCHANGED, None)
        result = await self.catalogue.write(lambda rows: self._add(rows, token, accepted, into))
        log.info(
            "stage %s: %s %s, %d bytes, by token %s",
            result.stage.id if result.stage else "-",
            result.outcome,
            accepted.artifact.filename,
            accepted.artifact.size,
            token.label,
        )
        return replace(result, why_no_page=accepted.why_no_page)

    def _add(
        self, rows: Rows, token: ApiToken, accepted: AcceptedUpload, into: Stage | None
    ) -> UploadResult:
        """Add the artifact within a transaction, to the stage as it is now."""
        artifact, incoming, now = accepted.artifact, accepted.incoming, self.clock.now()
        require_still(rows, token, Action.UPLOAD, incoming.project, accepted.version, now)
        end_expired(rows, incoming.project, self.clock.earliest())
        stage = self._stage_for(rows, accepted, into, now)
        outcome = plan_acceptance(
            stage,
            artifact,
            accepted.version,
            list_live_artifacts(rows, incoming.project),
            replace=self.policy.replace,
            final=final_files_of(rows, stage),
        )
        if stage.version is None:
            check_release_is_free(rows, stage.project, accepted.version)
        if outcome is Outcome.UNCHANGED:
            # Even so: the stored file may be damaged, and these are its bytes.
            incoming.file.commit()
            is_settled = _settle_uploads(rows, stage, accepted, now)
            same = self.stages.save_edited(rows, stage, now) if is_settled else stage
            return UploadResult(outcome, same)
        with self.stages.quotas.kept(rows, token.id, stage):
            _settle_uploads(rows, stage, accepted, now)
            changed = _save_artifact(rows, stage, accepted, outcome, now)
        # Only now: a file that exceeds a limit would stay on the disk until the next sweep.
        incoming.file.commit()
        return UploadResult(outcome, self.stages.save_edited(rows, changed, now))

    def _stage_for(
        self, rows: Rows, accepted: AcceptedUpload, into: Stage | None, now: datetime
    ) -> Stage:
        if into is not None:
            return get_live(rows, into.id, now)
        project, version = accepted.incoming.project, accepted.version
        existing = rows.stages.find_live(project, version)
        if existing is not None:
            return existing
        stage = self.stages.new(project, version, now)
        self.stages.add(rows, stage, accepted.artifact.uploaded_by)
        return stage


def _save_artifact(
    rows: Rows, stage: Stage, accepted: AcceptedUpload, outcome: Outcome, now: datetime
) -> Stage:
    """Store the artifact in place of one of its name. Return the stage, which has a version now."""
    artifact = accepted.artifact
    existing = stage.find_artifact(artifact.filename)
    if existing and existing.sha256 != artifact.sha256:
        rows.artifacts.remove(stage.id, existing, REPLACED)
    rows.promotions.remove_entry(stage.id, artifact.filename)
    versioned = replace(stage, version=stage.version or accepted.version)
    rows.artifacts.save(stage.id, artifact, accepted.incoming.form, accepted.core_metadata)
    action = AuditAction.UPLOADED if outcome is Outcome.UPLOADED else AuditAction.REPLACED
    replaced = {"replaced_sha256": existing.sha256} if existing else {}
    details = {**artifact_details(artifact), **replaced}
    rows.audit.add(stage_event(versioned, action, artifact.uploaded_by, now, **details))
    return versioned


def _restore_if_staged(rows: Rows, accepted: AcceptedUpload) -> None:
    """Store a published file again if a live stage has it: its stored copy may be damaged."""
    incoming, sha256 = accepted.incoming, accepted.artifact.sha256
    if any(one.sha256 == sha256 for one in list_live_artifacts(rows, incoming.project)):
        incoming.file.commit()


def _settle_uploads(rows: Rows, stage: Stage, accepted: AcceptedUpload, now: datetime) -> bool:
    """Complete the file upload of the artifact, or cancel one of its name that has failed.

    Return whether there was one.
    """
    upload = stage.find_upload(accepted.artifact.filename)
    if upload is None:
        return False
    if upload.id == accepted.incoming.upload_id:
        step = UploadStep.SUCCEED
    elif upload.status is UploadStatus.ERROR:
        step = UploadStep.DELETE
    else:
        return False
    settled = upload.after(step)
    rows.file_uploads.save(stage.id, settled)
    rows.leases.remove(of_upload(upload.id))
    rows.audit.add(
        file_event(stage, settled, ACTION_OF_STEP[step], accepted.artifact.uploaded_by, now)
    )
    return True
