"""File uploads of PEP 694: announced, sent, extended, deleted."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    StorageError,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.accept import check_can_change
from stageproxy.core.stage.announcements import Announcement, check_name, parse_filename
from stageproxy.core.stage.digests import problems_with_hashes
from stageproxy.core.stage.events import file_event
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus, UploadStep
from stageproxy.core.stage.stage import Stage, Step
from stageproxy.ports import ArtifactFiles, Clock, IncomingFile
from stageproxy.services.access import require_still
from stageproxy.services.live_stages import end_expired, final_files_of, get_live, withdraw
from stageproxy.services.stages import Stages
from stageproxy.services.upload.uploads import UploadPolicy
from stageproxy.services.upstream_state import UpstreamReader

log = logging.getLogger(__name__)

T = TypeVar("T")

_LIFETIME = timedelta(days=1)
Ids = tuple[str, str]
"""The id of a stage, and that of one of its file uploads."""


@dataclass(frozen=True, slots=True)
class FileUploads:
    """Changes of file uploads, except their completion."""

    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    stages: Stages
    reader: UpstreamReader
    policy: UploadPolicy

    async def create(
        self, token: ApiToken, stage_id: str, announced: Announcement
    ) -> tuple[Stage, FileUpload]:
        """Announce a file. Raise if the stage cannot accept it."""
        stage = await self.stages.get(token, stage_id, Action.UPLOAD)
        name = parse_filename(announced.filename)
        if problems := problems_with_hashes(announced.hashes):
            raise InvalidRequestError(problems[0].message, problems)
        self.policy.check_size(announced.size, stage.project)
        self.files.check_room(announced.size)
        check_name(stage, name)
        await self.reader.check_is_new(stage.project, announced.filename)
        now = self.clock.now()
        upload = FileUpload(
            id=secrets.token_hex(16),
            filename=announced.filename,
            size=announced.size,
            hashes={key: digest.lower() for key, digest in announced.hashes.items()},
            status=UploadStatus.PENDING,
            created_at=now,
            expires_at=min(now + _LIFETIME, stage.expires_at),
            created_by=token.id,
        )
        damaged = await self._find_damaged(stage, upload)
        return await self.catalogue.write(
            lambda rows: self._add(rows, token, stage_id, upload, damaged)
        )

    async def get(
        self, token: ApiToken, stage_id: str, upload_id: str, action: Action = Action.SHOW
    ) -> tuple[Stage, FileUpload]:
        """Return a file upload and its stage, on which *token* permits *action*."""
        await self.stages.get(token, stage_id, action)
        now = self.clock.now()
        return await self.catalogue.read(lambda rows: _get(rows, stage_id, upload_id, now))

    async def receive(
        self, token: ApiToken, stage_id: str, upload_id: str, file: IncomingFile
    ) -> FileUpload:
        """Store the bytes of a file. They replace those that were sent before."""
        await self.stages.get(token, stage_id, Action.UPLOAD)
        received = await file.finish()
        await file.store()
        previous: list[FileUpload] = []

        def with_bytes(upload: FileUpload) -> FileUpload:
            previous.append(upload)
            sent = replace(upload.after(UploadStep.SEND), received=received)
            file.commit()
            return sent

        ids = (stage_id, upload_id)
        sent = await self.change(token, ids, AuditAction.FILE_RECEIVED, with_bytes)
        await self._free_bytes(previous[-1])
        return sent

    async def attest(
        self, token: ApiToken, stage_id: str, upload_id: str, attestations: str
    ) -> FileUpload:
        """Store attestations (PEP 740), a JSON array, for the file."""
        await self.stages.get(token, stage_id, Action.UPLOAD)

        def attested(upload: FileUpload) -> FileUpload:
            return replace(upload.after(UploadStep.SEND), attestations=attestations)

        ids = (stage_id, upload_id)
        return await self.change(token, ids, AuditAction.FILE_ATTESTED, attested)

    async def extend(
        self, token: ApiToken, stage_id: str, upload_id: str, by: timedelta
    ) -> tuple[Stage, FileUpload]:
        """Extend a file upload, at most to the expiry of its stage."""
        stage = await self.stages.get(token, stage_id, Action.UPLOAD)

        def extended(upload: FileUpload) -> FileUpload:
            pending = upload.after(UploadStep.EXTEND)
            requested = min(pending.expires_at + by, stage.expires_at)
            return replace(pending, expires_at=max(pending.expires_at, requested))

        ids = (stage_id, upload_id)
        return stage, await self.change(token, ids, AuditAction.FILE_EXTENDED, extended)

    async def delete(self, token: ApiToken, stage_id: str, upload_id: str) -> None:
        """Cancel a file upload. If it is completed, withdraw its file from the stage."""
        await self.stages.get(token, stage_id, Action.REMOVE)

        def work(rows: Rows) -> FileUpload:
            now = self.clock.now()
            stage, upload = _get(rows, stage_id, upload_id, now)
            require_still(rows, token, Action.REMOVE, stage.project, stage.version, now)
            stage.after(Step.EDIT)
            canceled = upload.after(UploadStep.DELETE)
            artifact = stage.find_artifact(upload.filename)
            if upload.status is UploadStatus.COMPLETED and artifact:
                withdraw(rows, stage, artifact)
            rows.file_uploads.save(stage.id, canceled)
            rows.audit.add(file_event(stage, canceled, AuditAction.FILE_DELETED, token.id, now))
            self.stages.save_edited(rows, stage, now)
            return upload

        deleted = await self.catalogue.write(work)
        if deleted.status is not UploadStatus.COMPLETED:
            await self._free_bytes(deleted)
        log.info(
            "stage %s: upload of %s deleted by token %s", stage_id, deleted.filename, token.label
        )

    async def change(
        self,
        token: ApiToken,
        ids: Ids,
        action: AuditAction,
        change: Callable[[FileUpload], FileUpload],
        *,
        also: Callable[[Rows], object] | None = None,
    ) -> FileUpload:
        """Change a file upload, as it is now, within one transaction. *also*: what else it does."""

        def work(rows: Rows) -> FileUpload:
            now = self.clock.now()
            stage, upload = _get(rows, *ids, now)
            require_still(rows, token, Action.UPLOAD, stage.project, stage.version, now)
            if upload.status is UploadStatus.PENDING:
                stage.after(Step.EDIT)
            changed = change(upload)
            with self.stages.quotas.kept(rows, token.id, stage):
                rows.file_uploads.save(stage.id, changed)
            rows.audit.add(file_event(stage, changed, action, token.id, now))
            self.stages.save_edited(rows, stage, now)
            if also is not None:
                also(rows)
            return changed

        return await self.catalogue.write(work)

    async def _free_bytes(self, upload: FileUpload) -> None:
        """Delete the bytes if no row needs them. After a crash or a failure, the sweep does it."""
        if upload.received is None:
            return
        sha256 = upload.received.sha256

        def without(rows: Rows, work: Callable[[frozenset[str]], T]) -> T:
            rows.files.remove(sha256)
            return work(rows.files.digests(sha256))

        def named(work: Callable[[frozenset[str]], T]) -> Awaitable[T]:
            return self.catalogue.write(lambda rows: without(rows, work))

        try:
            await self.files.remove_unnamed([sha256], named)
        except StorageError as error:
            log.warning("the bytes of %s are left to a sweep: %s", upload.filename, error.sentence)

    async def _find_damaged(self, stage: Stage, upload: FileUpload) -> str | None:
        """Return the SHA-256 of the artifact whose stored copy an upload restores, or `None`."""
        artifact = stage.find_artifact(upload.filename)
        if artifact is None or upload.hashes.get("sha256") != artifact.sha256:
            return None
        is_whole = await self.files.size(artifact.sha256) == artifact.size
        return None if is_whole else artifact.sha256

    def _add(
        self, rows: Rows, token: ApiToken, stage_id: str, upload: FileUpload, damaged: str | None
    ) -> tuple[Stage, FileUpload]:
        """Add a file upload, even of a file of the stage if its stored copy is *damaged*."""
        now = self.clock.now()
        end_expired(rows, get_live(rows, stage_id, now).project, self.clock.earliest())
        stage = get_live(rows, stage_id, now)
        require_still(rows, token, Action.UPLOAD, stage.project, stage.version, now)
        restores = _restores(stage, upload, damaged)
        if restores:
            stage.after(Step.EDIT)
        else:
            check_can_change(stage, upload.filename, final_files_of(rows, stage))
        unfinished = stage.find_upload(upload.filename)
        if unfinished is not None:
            raise ConflictError(
                f"{upload.filename} already has an upload with status {unfinished.status}. "
                "Delete it first."
            )
        if stage.find_artifact(upload.filename) and not (self.policy.replace or restores):
            raise ConflictError(
                f"Stage {stage.release} already has {upload.filename}. Delete it first."
            )
        with self.stages.quotas.kept(rows, token.id, stage):
            rows.file_uploads.save(stage.id, upload)
        rows.audit.add(
            file_event(stage, upload, AuditAction.FILE_ANNOUNCED, upload.created_by, now)
        )
        return self.stages.save_edited(rows, stage, now), upload


def _restores(stage: Stage, upload: FileUpload, damaged: str | None) -> bool:
    """Return whether a stage still has the artifact of an upload whose copy is *damaged*."""
    artifact = stage.find_artifact(upload.filename)
    return artifact is not None and artifact.sha256 == damaged


def _get(rows: Rows, stage_id: str, upload_id: str, now: datetime) -> tuple[Stage, FileUpload]:
    """Return a file upload as it is now, and its stage."""
    stage = get_live(rows, stage_id, now)
    upload = rows.file_uploads.find(stage_id, upload_id)
    if upload is None:
        raise NotFoundError("There is no such upload.")
    return stage, upload.as_of(now)
