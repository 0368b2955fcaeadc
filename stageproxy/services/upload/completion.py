"""Completion of file uploads: their bytes are checked and accepted into the stage."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.errors import (
    ConflictError,
    DamagedFileError,
    ForbiddenError,
    InvalidRequestError,
    OverSizeLimitError,
    Problem,
    RefusedError,
    StageproxyError,
    StorageError,
    TooManyError,
)
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.announcements import parse_filename
from stageproxy.core.stage.digests import FileDigests, problems_with_file
from stageproxy.core.stage.events import ACTION_OF_STEP, file_event
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus, UploadStep
from stageproxy.core.stage.stage import Stage
from stageproxy.core.stage.upload_forms import form_of_upload
from stageproxy.ports import ArtifactFiles, Clock, Inspector
from stageproxy.services.leases import Leases, of_upload
from stageproxy.services.live_stages import get_stage
from stageproxy.services.stages import Stages
from stageproxy.services.upload.examine import IncomingUpload
from stageproxy.services.upload.file_uploads import FileUploads, Ids
from stageproxy.services.upload.uploads import Uploads

_INTERRUPTED = (
    "The server stopped while it was checking the file. Delete this upload and start again."
)
_UNREAD = "Invalid distribution file. Its metadata takes too long to read."

_NOT_OF_THE_FILE = (
    StorageError,
    DamagedFileError,
    ForbiddenError,
    OverSizeLimitError,
    TooManyError,
)
"""The errors that another attempt, or one with another API token, may not meet."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Completes file uploads. `Uploads` accepts the file, as one of the legacy upload API."""

    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    stages: Stages
    uploads: Uploads
    file_uploads: FileUploads
    inspector: Inspector
    leases: Leases

    async def complete(self, token: ApiToken, stage_id: str, upload_id: str) -> FileUpload:
        """Make the file an artifact of the stage. If it is refused, the upload fails for good.

        What is not the file's fault puts the upload back, and it can be completed again.
        """
        await self.stages.get(token, stage_id, Action.UPLOAD)
        with self.leases.kept(of_upload(upload_id)):
            await self._complete(token, (stage_id, upload_id))
        return (await self.file_uploads.get(token, stage_id, upload_id))[1]

    async def _complete(self, token: ApiToken, ids: Ids) -> None:
        stage_id, upload_id = ids
        upload = await self.file_uploads.change(
            token,
            ids,
            AuditAction.FILE_PROCESSING,
            lambda one: one.after(UploadStep.COMPLETE),
            also=lambda rows: self.leases.take(rows, of_upload(upload_id)),
        )
        settled = False
        try:
            stage = await self.stages.get(token, stage_id, Action.UPLOAD)
            await self._accept(token, stage, upload)
            settled = True
        except _NOT_OF_THE_FILE:
            raise
        except StageproxyError as error:
            settled = True
            notices = [one.message for one in error.problems] or [error.sentence]
            await self._settle(ids, UploadStep.FAIL, token.id, *notices)
            raise
        finally:
            if not settled:
                await self._settle(ids, UploadStep.PUT_BACK, SERVER)

    async def recover(self) -> None:
        """Fail the file uploads that a worker was completing when it ended."""
        now = self.clock.now()

        def work(rows: Rows) -> None:
            for stage_id, upload in self._left_behind(rows):
                failed = upload.after(UploadStep.FAIL, _INTERRUPTED)
                _save(rows, get_stage(rows, stage_id), failed, UploadStep.FAIL, SERVER, now)

        if await self.catalogue.read(self._left_behind):
            await self.catalogue.write(work)

    def _left_behind(self, rows: Rows) -> Sequence[tuple[str, FileUpload]]:
        """Return the file uploads that are being completed by no worker, and their stages."""
        processing = rows.file_uploads.list_processing()
        return [one for one in processing if not self.leases.is_held(rows, of_upload(one[1].id))]

    async def _settle(self, ids: Ids, step: UploadStep, actor: str, *notices: str) -> None:
        """End the processing of a file upload, unless it has ended already."""
        now = self.clock.now()

        def work(rows: Rows) -> None:
            stage, upload = rows.stages.find(ids[0]), rows.file_uploads.find(*ids)
            if stage and upload and upload.status is UploadStatus.PROCESSING:
                _save(rows, stage, upload.after(step, *notices), step, actor, now)

        await self.catalogue.write(work)

    async def _accept(self, token: ApiToken, stage: Stage, upload: FileUpload) -> None:
        if upload.received is None:
            raise InvalidRequestError("No bytes were sent before the upload was completed.")
        await self._check_is_stored(upload.filename, upload.received)
        await self._check_bytes(upload, upload.received)
        file = self.files.reopen(upload.received)
        name = parse_filename(upload.filename)
        contents = await file.read_contents(name, token.id)
        if contents.core_metadata is None and (messages := contents.problems or contents.unread):
            # Without metadata there is no form: problems of its fields would be misleading.
            raise RefusedError([Problem("content", message) for message in messages])
        read = await self.inspector.form_of(contents.core_metadata or b"", name, token.id)
        if read is None:
            raise RefusedError([Problem("content", _UNREAD)])
        form = form_of_upload(read, upload, upload.received)
        incoming = IncomingUpload(
            form, upload.filename, "application/octet-stream", file, upload.id
        )
        result = await self.uploads.accept(token, incoming, into=stage)
        if result.stage is None:
            raise ConflictError(f"PyPI already has {upload.filename}.")

    async def _check_is_stored(self, filename: str, received: FileDigests) -> None:
        """Raise `DamagedFileError` if the bytes that were sent before are not there any more."""
        stored = await self.files.size(received.sha256)
        if stored != received.size:
            raise DamagedFileError(filename, stored=stored, size=received.size)

    async def _check_bytes(self, upload: FileUpload, received: FileDigests) -> None:
        known = {"sha256": received.sha256, **({"md5": received.md5} if received.md5 else {})}
        lengths = {
            name: len(digest) // 2 for name, digest in upload.hashes.items() if name not in known
        }
        claimed = upload.hashes.get("sha256", received.sha256)
        if (received.size, received.sha256) != (upload.size, claimed):
            lengths = {}  # the file is refused anyway: do not read it again
        computed = await self.files.digests(received.sha256, lengths) if lengths else {}
        problems = problems_with_file(
            upload.hashes,
            {**known, **computed},
            size=upload.size,
            received=received.size,
        )
        if problems:
            raise RefusedError(problems)


def _save(
    rows: Rows, stage: Stage, upload: FileUpload, step: UploadStep, actor: str, now: datetime
) -> None:
    """Store a file upload without a change of its stage's lifetime."""
    rows.file_uploads.save(stage.id, upload)
    rows.leases.remove(of_upload(upload.id))
    rows.audit.add(file_event(stage, upload, ACTION_OF_STEP[step], actor, now))
    rows.stages.save(replace(stage, revision=stage.revision + 1))
