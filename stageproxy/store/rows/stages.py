"""Stages as rows, with the artifacts and the unfinished file uploads that belong to each."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_version

from stageproxy.caching import LruCache
from stageproxy.catalogue import PagePosition
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.paging import up_to
from stageproxy.core.stage.stage import LIVE, Stage, Status
from stageproxy.store.rows.columns import (
    NO_LIMIT,
    SqlConnection,
    Statements,
    artifact_in,
    file_upload_in,
    stage_in,
    text_of,
)

MOST_CACHED = 10_000
"""How many stages and artifacts the reading side of a database caches, by revision."""
_FOLLOWS = "opened_at <= :opened_at AND (opened_at < :opened_at OR id > :id)"


class SqlStageRows(Statements):
    """Stages; see `catalogue.StageRows`."""

    def __init__(
        self, connection: SqlConnection, cache: LruCache[str, Stage] | None = None
    ) -> None:
        super().__init__(connection)
        self._cache = cache

    def find(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""
        row = self._one("SELECT * FROM stage WHERE id = :id", id=stage_id)
        return self._stage(row) if row else None

    def find_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage that a stage token opens or opened, and the token's rotation."""
        row = self._one(
            """
            SELECT stage.*, stage_token.rotation AS token_rotation
            FROM stage_token JOIN stage ON stage.id = stage_token.stage_id
            WHERE stage_token.digest = :digest
            """,
            digest=digest,
        )
        return (self._stage(row), row["token_rotation"]) if row else None

    def find_live(self, project: str, version: str) -> Stage | None:
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

    def find_latest(self, project: str, version: str | None) -> Stage | None:
        """Return the latest stage of a release, or of any release of the project."""
        return next(iter(self.list(project, version=version, limit=1)), None)

    def list(
        self,
        project: str | None = None,
        *,
        version: str | None = None,
        statuses: Collection[Status] | None = None,
        after: PagePosition | None = None,
        limit: int | None = None,
        most_files: int | None = None,
    ) -> Sequence[Stage]:
        """Return stages that follow a position, the latest first.

        Each condition is only there if it is needed: otherwise no index could be used.
        """
        conditions = [
            *(["project = :project"] if project else []),
            *(["version_key = :version_key"] if version else []),
            *(_in_one_of(statuses) if statuses is not None else []),
            *([_FOLLOWS] if after else []),
        ]
        rows = self._all(
            f"""
            SELECT * FROM stage WHERE {" AND ".join(conditions) or "true"}
            ORDER BY opened_at DESC, id LIMIT :limit
            """,  # noqa: S608 - constants of this module
            project=project,
            version_key=canonicalize_version(version) if version else None,
            opened_at=text_of(after[0]) if after else None,
            id=after[1] if after else None,
            limit=NO_LIMIT if limit is None else limit,
        )
        return [*up_to(map(self._stage, rows), most_files)]

    def list_live(self, project: str) -> Sequence[Stage]:
        """Return the live stages of a project, the latest first."""
        rows = self._all(
            """
            SELECT * FROM stage
            WHERE project = :project AND status IN ('open', 'processing', 'error')
            ORDER BY opened_at DESC, id
            """,
            project=project,
        )
        return [self._stage(row) for row in rows]

    def list_expired(self, now: datetime, limit: int) -> Sequence[Stage]:
        """Return stages that have expired and are not ended yet, the earliest first."""
        rows = self._all(
            """
            SELECT * FROM stage
            WHERE expires_at <= :now AND status IN ('open', 'error') AND sent = 0
            ORDER BY expires_at LIMIT :limit
            """,
            now=text_of(now),
            limit=limit,
        )
        return [self._stage(row) for row in rows]

    def list_ended(self, until: datetime, limit: int) -> Sequence[Stage]:
        """Return stages that ended at a time or before, the earliest first."""
        rows = self._all(
            "SELECT * FROM stage WHERE ended_at <= :until ORDER BY ended_at LIMIT :limit",
            until=text_of(until),
            limit=limit,
        )
        return [self._stage(row) for row in rows]

    def save(self, stage: Stage) -> None:
        """Store a stage, new or changed, without its artifacts."""
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
                "expects": json.dumps(stage.expects),
            },
            key="id",
        )

    def save_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Store that a stage token opens a stage."""
        row = {"digest": digest, "stage_id": stage_id, "rotation": rotation}
        self._upsert("stage_token", row, key="digest")

    def remove(self, stage_id: str) -> None:
        """Remove a stage and everything that belongs to it."""
        self._run("DELETE FROM stage WHERE id = :id", id=stage_id)

    def _stage(self, row: Mapping[str, Any]) -> Stage:
        """Return the stage of a row. At the same revision it has the same artifacts."""
        cached = self._cache.find(row["id"]) if self._cache is not None else None
        if cached is not None and cached.revision == row["revision"]:
            return stage_in(row, cached.artifacts, cached.uploads)
        artifacts = self._all(
            "SELECT * FROM artifact WHERE stage_id = :id ORDER BY filename", id=row["id"]
        )
        stage = stage_in(
            row,
            tuple(artifact_in(each) for each in artifacts),
            self._unfinished_uploads(row["id"]),
        )
        if self._cache is not None:
            self._cache.add(stage.id, stage)
        return stage

    def _unfinished_uploads(self, stage_id: str) -> tuple[FileUpload, ...]:
        """Return the file uploads that keep a stage from being promoted, without attestations."""
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


def _in_one_of(statuses: Collection[Status]) -> Iterator[str]:
    """Yield the conditions that a stage has one of *statuses*, spelled as in the indexes."""
    if {*statuses} <= LIVE:
        yield "status IN ('open', 'processing', 'error')"
    if {*statuses} == LIVE:
        return
    values = [f"'{one.value}'" for one in Status if one in statuses]
    match values:
        case []:
            yield "1 = 0"
        case [only]:
            yield f"status = {only}"
        case _:
            yield f"status IN ({', '.join(values)})"


def weight_of(stage: Stage) -> int:
    """Return how much of `MOST_CACHED` a stage takes."""
    return 1 + len(stage.artifacts) + len(stage.uploads)
