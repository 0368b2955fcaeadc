"""File uploads of PEP 694 as rows."""

import json
from dataclasses import asdict

from stageproxy.core.stage.file_uploads import COMING, FileUpload
from stageproxy.store.columns import file_upload_in, text_of
from stageproxy.store.statements import Statements


class SqliteFileUploadRows(Statements):
    """File uploads; see `ports.FileUploadRows`."""

    def find(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in whatever state."""
        row = self._one(
            "SELECT * FROM file_upload WHERE stage_id = :stage_id AND id = :id",
            stage_id=stage_id,
            id=upload_id,
        )
        return file_upload_in(row) if row else None

    def save(self, stage_id: str, upload: FileUpload) -> None:
        """Store a file upload, new or changed."""
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
