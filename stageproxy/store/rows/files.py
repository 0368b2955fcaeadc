"""Stored files and the file uploads of PEP 694 as rows."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.stage.file_uploads import IN_PROGRESS, FileUpload, UploadStatus
from stageproxy.store.rows.columns import Statements, file_upload_in, text_of

_IS_USED = """
    EXISTS (
        SELECT 1 FROM artifact JOIN stage ON stage.id = artifact.stage_id
        WHERE artifact.sha256 = stored_file.sha256
            AND stage.status IN ('open', 'processing', 'error')
        UNION ALL
        SELECT 1 FROM file_upload JOIN stage ON stage.id = file_upload.stage_id
        WHERE file_upload.received_sha256 = stored_file.sha256
            AND file_upload.status IN ('pending', 'processing')
            AND stage.status IN ('open', 'processing', 'error')
    )
"""
_IS_NAMED = "sha256 BETWEEN :first AND :last"
_BEHIND_HEX = "g"
"""What sorts behind every digest in hex."""


class SqlFileRows(Statements):
    """Stored files; see `catalogue.FileRows`."""

    def add(self, sha256: str, size: int) -> None:
        """Add the row of a stored file, if it is missing."""
        self._run(
            """
            INSERT INTO stored_file (sha256, size, unused_since) VALUES (:sha256, :size, NULL)
            ON CONFLICT DO NOTHING
            """,
            sha256=sha256,
            size=size,
        )

    def remove(self, sha256: str) -> bool:
        """Remove a file that no row needs; return whether it was removed."""
        removed = self._one(
            """
            DELETE FROM stored_file
            WHERE sha256 = :sha256
                AND NOT EXISTS (SELECT 1 FROM artifact WHERE artifact.sha256 = :sha256)
                AND NOT EXISTS (
                    SELECT 1 FROM file_upload
                    WHERE received_sha256 = :sha256 AND status IN ('pending', 'processing')
                )
            RETURNING sha256, size
            """,
            sha256=sha256,
        )
        return removed is not None

    def remove_unused(
        self, now: datetime, *, since: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Remove the files that no live stage has needed *since* a time, and return them."""
        named = {"first": prefix, "last": prefix + _BEHIND_HEX}
        self._run(
            f"""
            UPDATE stored_file
            SET unused_since = CASE WHEN unused_since IS NULL THEN :now END
            WHERE {_IS_NAMED} AND (unused_since IS NULL) != {_IS_USED}
            """,  # noqa: S608 - constants of this module
            now=text_of(now),
            **named,
        )
        rows = self._all(
            f"""
            DELETE FROM stored_file WHERE {_IS_NAMED} AND unused_since <= :since
            RETURNING sha256, size
            """,  # noqa: S608 - a constant of this module
            since=text_of(since),
            **named,
        )
        return [UnneededFile(row["sha256"], row["size"]) for row in rows]

    def list_unused(self, *, since: datetime) -> Sequence[UnneededFile]:
        """Return the files that `remove_unused` would remove, and remove none."""
        rows = self._all(
            f"""
            SELECT sha256, size FROM stored_file
            WHERE unused_since <= :since AND NOT {_IS_USED} ORDER BY sha256
            """,  # noqa: S608 - a constant of this module
            since=text_of(since),
        )
        return [UnneededFile(row["sha256"], row["size"]) for row in rows]

    def digests(self, prefix: str = "") -> frozenset[str]:
        """Return the digests of all stored files, or of those that begin with a prefix."""
        rows = self._all(
            f"SELECT sha256 FROM stored_file WHERE {_IS_NAMED}",  # noqa: S608 - a constant
            first=prefix,
            last=prefix + _BEHIND_HEX,
        )
        return frozenset(row["sha256"] for row in rows)


class SqlFileUploadRows(Statements):
    """File uploads; see `catalogue.FileUploadRows`."""

    def find(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in whatever state."""
        row = self._one(
            "SELECT * FROM file_upload WHERE stage_id = :stage_id AND id = :id",
            stage_id=stage_id,
            id=upload_id,
        )
        return file_upload_in(row) if row else None

    def list_expired(self, now: datetime, limit: int) -> Sequence[tuple[str, FileUpload]]:
        """Return pending file uploads whose time is over, the earliest first, with their stages."""
        rows = self._all(
            """
            SELECT * FROM file_upload WHERE status = 'pending' AND expires_at <= :now
            ORDER BY expires_at LIMIT :limit
            """,
            now=text_of(now),
            limit=limit,
        )
        return [(row["stage_id"], file_upload_in(row)) for row in rows]

    def list_processing(self) -> Sequence[tuple[str, FileUpload]]:
        """Return the file uploads that are being completed, each with the id of its stage."""
        rows = self._all("SELECT * FROM file_upload WHERE status IN ('pending', 'processing')")
        uploads = [(row["stage_id"], file_upload_in(row)) for row in rows]
        return [one for one in uploads if one[1].status is UploadStatus.PROCESSING]

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
            "attestations": upload.attestations if upload.status in IN_PROGRESS else None,
            "notices": json.dumps(upload.notices),
        }
        self._upsert("file_upload", row, key="id")
