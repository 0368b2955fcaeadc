"""Here is what one transaction sees: stages, artifacts and tokens as values, rows underneath."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_version
from sqlite_utils import Database as Tables

from stageproxy.caching import LruCache
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.core.values import FormFields
from stageproxy.ports import Totals
from stageproxy.store.audit_rows import AuditRows
from stageproxy.store.columns import artifact_in, stage_in, text_of
from stageproxy.store.part_rows import ApiTokenRows, FileUploadRows
from stageproxy.store.promotion_rows import PromotionRows

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


class SqliteRows(ApiTokenRows, AuditRows, FileUploadRows, PromotionRows):
    """The rows, over one connection that is within a transaction, or that only reads."""

    def __init__(self, tables: Tables, *, kept: LruCache[str, Stage] | None = None) -> None:
        super().__init__(tables)
        self._kept = kept

    def find_stage(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""
        row = self._one("SELECT * FROM stage WHERE id = :id", id=stage_id)
        return self._stage(row) if row else None

    def find_stage_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage that a stage token opens or opened, and the rotation it is of."""
        row = self._one(
            """
            SELECT stage.*, stage_token.rotation AS token_rotation
            FROM stage_token JOIN stage ON stage.id = stage_token.stage_id
            WHERE stage_token.digest = :digest
            """,
            digest=digest,
        )
        return (self._stage(row), row["token_rotation"]) if row else None

    def find_live_stage(self, project: str, version: str) -> Stage | None:
        """Return the live stage of a release, however its version is spelled."""
        row = self._one(
            """
            SELECT * FROM stage
            WHERE project = :project AND version_key = :version_key
                AND status IN ('open', 'processing', 'error')
            """,
            project=project,
            version_key=canonicalize_version(version),
        )
        return self._stage(row) if row else None

    def list_stages(self, project: str | None = None) -> Sequence[Stage]:
        """Return the stages of a project, or all of them, the latest first."""
        rows = self._all(
            """
            SELECT * FROM stage WHERE :project IS NULL OR project = :project
            ORDER BY opened_at DESC, id
            """,
            project=project,
        )
        return [self._stage(row) for row in rows]

    def save_stage(self, stage: Stage) -> None:
        """Keep a stage as it is now, new or changed; its artifacts are kept on their own."""
        self._upsert(
            "stage",
            {
                "id": stage.id,
                "project": stage.project,
                "version": stage.version,
                "version_key": canonicalize_version(stage.version) if stage.version else None,
                "status": stage.status.value,
                "revision": stage.revision,
                "rotation": stage.rotation,
                "lifetime": int(stage.lifetime.total_seconds()),
                "opened_at": text_of(stage.opened_at),
                "expires_at": text_of(stage.expires_at),
                "ended_at": text_of(stage.ended_at),
                "reason": stage.reason,
                "sent": int(stage.sent),
            },
            key="id",
        )

    def save_stage_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Let a stage token open a stage."""
        row = {"digest": digest, "stage_id": stage_id, "rotation": rotation}
        self._upsert("stage_token", row, key="digest")

    def remove_stage(self, stage_id: str) -> None:
        """Forget a stage and all that belongs to it."""
        self._run("DELETE FROM stage WHERE id = :id", id=stage_id)

    def save_artifact(
        self, stage_id: str, artifact: Artifact, form: FormFields, core_metadata: bytes | None
    ) -> None:
        """Keep an artifact of a stage, in place of one that has its name."""
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
            "notices": json.dumps(artifact.notices),
            "attestations": artifact.attestations,
        }
        self._upsert("artifact", row, key=("stage_id", "filename"))
        source = {
            "stage_id": stage_id,
            "filename": artifact.filename,
            "form": json.dumps(form),
            "core_metadata": core_metadata,
        }
        self._upsert("artifact_source", source, key=("stage_id", "filename"))

    def remove_artifact(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Take an artifact out of a stage; its URL and its uploads then tell the *reason*."""
        self.cancel_completed_uploads(stage_id, artifact, reason)
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

    def find_former_file(self, stage_id: str, blake2b_256: str, filename: str) -> str | None:
        """Return why a file is not staged any more that once was."""
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

    def totals(self) -> Totals:
        """Return how much is kept."""
        stages = self._all("SELECT status, count(*) AS number FROM stage GROUP BY status")
        files = self._one("SELECT count(*) AS number, total(size) AS size FROM stored_file")
        return Totals(
            stages={row["status"]: row["number"] for row in stages},
            files=files["number"] if files else 0,
            size=int(files["size"]) if files else 0,
        )

    def unused_files(self, now: datetime, *, since: datetime) -> Sequence[str]:
        """Return and forget the digests of files that no live stage has needed *since* then."""
        self._run(
            f"""
            UPDATE stored_file
            SET unused_since = CASE WHEN {_IS_USED} THEN NULL ELSE coalesce(unused_since, :now) END
            """,  # noqa: S608 - a constant of this module
            now=text_of(now),
        )
        rows = self._all(
            "SELECT sha256 FROM stored_file WHERE unused_since <= :since", since=text_of(since)
        )
        self._run("DELETE FROM stored_file WHERE unused_since <= :since", since=text_of(since))
        return [row["sha256"] for row in rows]

    def known_files(self) -> frozenset[str]:
        """Return the digests of all files that a row names."""
        return frozenset(row["sha256"] for row in self._all("SELECT sha256 FROM stored_file"))

    def _stage(self, row: Mapping[str, Any]) -> Stage:
        """Return the stage of a row. Its artifacts are as they were if its revision is."""
        kept = self._kept.find(row["id"]) if self._kept is not None else None
        if kept is not None and kept.revision == row["revision"]:
            return stage_in(row, kept.artifacts, kept.uploads)
        artifacts = self._all(
            "SELECT * FROM artifact WHERE stage_id = :id ORDER BY filename", id=row["id"]
        )
        stage = stage_in(
            row,
            tuple(artifact_in(each) for each in artifacts),
            self.unfinished_uploads(row["id"]),
        )
        if self._kept is not None:
            self._kept.add(stage.id, stage)
        return stage
