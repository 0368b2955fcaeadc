"""Artifacts as rows: what a stage holds, the forms they came with, and files withdrawn from it."""

import json

from stageproxy.core.rules.findings import finding_json
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.values import FormFields, form_size
from stageproxy.store.rows.columns import Statements, text_of


class SqlArtifactRows(Statements):
    """Artifacts; see `catalogue.ArtifactRows`."""

    def save(
        self, stage_id: str, artifact: Artifact, form: FormFields, core_metadata: bytes | None
    ) -> None:
        """Store an artifact of a stage, in place of one of the same name."""
        stored = {"sha256": artifact.sha256, "size": artifact.size, "unused_since": None}
        self._upsert("stored_file", stored, key="sha256")
        self._run(
            """
            DELETE FROM former_file
            WHERE stage_id = :stage_id AND blake2b_256 = :digest AND filename = :filename
            """,
            stage_id=stage_id,
            digest=artifact.blake2b_256,
            filename=artifact.filename,
        )
        row = {
            "stage_id": stage_id,
            "filename": artifact.filename,
            "kind": artifact.kind.value,
            "sha256": artifact.sha256,
            "blake2b_256": artifact.blake2b_256,
            "md5": artifact.md5,
            "size": artifact.size,
            "form_sha256": artifact.form_sha256,
            "requires_python": artifact.requires_python,
            "summary": artifact.summary,
            "requires_dist": json.dumps(artifact.requires_dist),
            "core_metadata_sha256": artifact.core_metadata_sha256,
            "uploaded_at": text_of(artifact.uploaded_at),
            "uploaded_by": artifact.uploaded_by,
            "notices": json.dumps([finding_json(one) for one in artifact.findings]),
            "attestations": artifact.attestations,
            "form_size": form_size(form, core_metadata),
        }
        self._upsert("artifact", row, key=("stage_id", "filename"))
        source = {
            "stage_id": stage_id,
            "filename": artifact.filename,
            "form": json.dumps(form),
            "core_metadata": core_metadata,
        }
        self._upsert("artifact_source", source, key=("stage_id", "filename"))

    def save_md5(self, sha256: str, md5: str) -> None:
        """Store the MD5 of a file for each artifact with these bytes that has none yet."""
        self._run(
            "UPDATE artifact SET md5 = :md5 WHERE sha256 = :sha256 AND md5 IS NULL",
            sha256=sha256,
            md5=md5,
        )

    def find_md5(self, sha256: str) -> str | None:
        """Return the MD5 of a file, if it was stored with or after its upload."""
        row = self._one(
            "SELECT md5 FROM artifact WHERE sha256 = :sha256 AND md5 IS NOT NULL LIMIT 1",
            sha256=sha256,
        )
        return row["md5"] if row else None

    def remove(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Remove an artifact from a stage, and cancel the file uploads that brought it."""
        self._cancel_completed_uploads(stage_id, artifact, reason)
        self._run(
            "DELETE FROM artifact WHERE stage_id = :stage_id AND filename = :filename",
            stage_id=stage_id,
            filename=artifact.filename,
        )
        self._upsert(
            "former_file",
            {
                "stage_id": stage_id,
                "blake2b_256": artifact.blake2b_256,
                "filename": artifact.filename,
                "reason": reason,
            },
            key=("stage_id", "blake2b_256", "filename"),
        )

    def find_former(self, stage_id: str, blake2b_256: str, filename: str) -> str | None:
        """Return why a file is no longer staged."""
        row = self._one(
            """
            SELECT reason FROM former_file
            WHERE stage_id = :stage_id AND blake2b_256 = :digest AND filename = :filename
            """,
            stage_id=stage_id,
            digest=blake2b_256,
            filename=filename,
        )
        return row["reason"] if row else None

    def find_core_metadata(self, stage_id: str, filename: str) -> bytes | None:
        """Return the METADATA file of a staged wheel."""
        row = self._one(
            """
            SELECT core_metadata FROM artifact_source
            WHERE stage_id = :stage_id AND filename = :filename
            """,
            stage_id=stage_id,
            filename=filename,
        )
        return row["core_metadata"] if row else None

    def find_form(self, stage_id: str, filename: str) -> FormFields:
        """Return the form that an artifact came with; empty if there is no such artifact."""
        row = self._one(
            """
            SELECT form FROM artifact_source
            WHERE stage_id = :stage_id AND filename = :filename
            """,
            stage_id=stage_id,
            filename=filename,
        )
        return tuple((name, value) for name, value in json.loads(row["form"])) if row else ()

    def _cancel_completed_uploads(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Cancel the completed file uploads that brought an artifact."""
        uploads = self._all(
            """
            SELECT id, notices FROM file_upload
            WHERE stage_id = :stage_id AND filename = :filename
                AND received_sha256 = :sha256 AND status = 'completed'
            """,
            stage_id=stage_id,
            filename=artifact.filename,
            sha256=artifact.sha256,
        )
        for upload in uploads:
            self._run(
                "UPDATE file_upload SET status = 'canceled', notices = :notices WHERE id = :id",
                id=upload["id"],
                notices=json.dumps([*json.loads(upload["notices"]), reason]),
            )
