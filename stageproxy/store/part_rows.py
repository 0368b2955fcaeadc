"""Here are the rows beside stages and artifacts: API tokens, and files on their way in."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.file_uploads import COMING, FileUpload
from stageproxy.core.stage.stage import Artifact
from stageproxy.store.columns import api_token_in, file_upload_in, text_of
from stageproxy.store.statements import Statements


class ApiTokenRows(Statements):
    """API tokens; see `ports.Rows`."""

    def find_api_token(self, digest: str) -> ApiToken | None:
        """Return what is known of an API token."""
        row = self._one("SELECT * FROM api_token WHERE digest = :digest", digest=digest)
        return api_token_in(row) if row else None

    def list_api_tokens(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""
        rows = self._all("SELECT * FROM api_token ORDER BY created_at DESC, id")
        return [api_token_in(row) for row in rows]

    def save_api_token(self, token: ApiToken) -> None:
        """Keep an API token as it is now, new or changed."""
        self._upsert(
            "api_token",
            {
                "id": token.id,
                "kind": token.kind.value,
                "project": token.project,
                "version": token.version,
                "digest": token.digest,
                "created_at": text_of(token.created_at),
                "expires_at": text_of(token.expires_at),
                "revoked_at": text_of(token.revoked_at),
            },
            key="id",
        )


class FileUploadRows(Statements):
    """Files on their way in by PEP 694; see `ports.Rows`."""

    def find_file_upload(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in whatever state."""
        row = self._one(
            "SELECT * FROM file_upload WHERE stage_id = :stage_id AND id = :id",
            stage_id=stage_id,
            id=upload_id,
        )
        return file_upload_in(row) if row else None

    def save_file_upload(self, stage_id: str, upload: FileUpload) -> None:
        """Keep a file upload as it is now, new or changed."""
        received = upload.received
        if received:
            stored = {"sha256": received.sha256, "size": received.size, "unused_since": None}
            self._upsert("stored_file", stored, key="sha256")
        row = {
            "id": upload.id,
            "stage_id": stage_id,
            "filename": upload.filename,
            "size": upload.size,
            "hashes": json.dumps(dict(upload.hashes)),
            "status": upload.status.value,
            "created_at": text_of(upload.created_at),
            "expires_at": text_of(upload.expires_at),
            "created_by": upload.created_by,
            "received_sha256": received.sha256 if received else None,
            "received": json.dumps(asdict(received)) if received else None,
            "attestations": upload.attestations if upload.status in COMING else None,
            "notices": json.dumps(upload.notices),
        }
        self._upsert("file_upload", row, key="id")

    def forget_file(self, sha256: str) -> bool:
        """Forget a file that no row needs any more; say whether it was so."""
        gone = self._one(
            """
            DELETE FROM stored_file
            WHERE sha256 = :sha256
                AND NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.sha256 = :sha256)
                AND NOT EXISTS (
                    SELECT 1 FROM file_upload
                    WHERE received_sha256 = :sha256 AND status IN ('pending', 'processing')
                )
            RETURNING sha256
            """,
            sha256=sha256,
        )
        return gone is not None

    def cancel_completed_uploads(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Let the uploads that brought an artifact end with it."""
        self._run(
            """
            UPDATE file_upload
            SET status = 'canceled', notices = json_insert(notices, '$[#]', :reason)
            WHERE stage_id = :stage_id AND filename = :filename
                AND received_sha256 = :sha256 AND status = 'completed'
            """,
            stage_id=stage_id,
            filename=artifact.filename,
            sha256=artifact.sha256,
            reason=reason,
        )

    def unfinished_uploads(self, stage_id: str) -> tuple[FileUpload, ...]:
        """Return what stands between a stage and its promotion, without attestations."""
        rows = self._all(
            """
            SELECT id, filename, size, hashes, status, created_at, expires_at, created_by,
                received, NULL AS attestations, notices
            FROM file_upload
            WHERE stage_id = :id AND status IN ('pending', 'processing', 'error')
            ORDER BY filename
            """,
            id=stage_id,
        )
        return tuple(file_upload_in(row) for row in rows)
