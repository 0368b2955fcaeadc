"""Statements on a connection, and values as columns."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from packaging.utils import NormalizedName

from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.looks import Look, LookKind, SeenFile
from stageproxy.core.promotion.promotion import (
    Approval,
    Promotion,
    Publisher,
    PublishUrls,
    StopRequest,
)
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.rules.findings import Finding, finding_in, note
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage, Status

Row = Mapping[str, Any]


def stage_in(row: Row, artifacts: tuple[Artifact, ...], uploads: tuple[FileUpload, ...]) -> Stage:
    """Return the stage of a row, with its artifacts and file uploads."""
    return Stage(
        id=row["id"],
        project=NormalizedName(row["project"]),
        version=row["version"],
        status=Status(row["status"]),
        revision=row["revision"],
        rotation=row["rotation"],
        lifetime=timedelta(seconds=row["lifetime"]),
        opened_at=time_in(row["opened_at"]),
        expires_at=time_in(row["expires_at"]),
        ended_at=_time_or_none(row["ended_at"]),
        reason=row["reason"],
        sent=bool(row["sent"]),
        artifacts=artifacts,
        uploads=uploads,
        expects=tuple(json.loads(row["expects"])),
    )


def api_token_in(row: Row) -> ApiToken:
    """Return the API token of a row."""
    return ApiToken(
        id=row["id"],
        kind=TokenKind(row["kind"]),
        project=row["project"],
        version=row["version"],
        digest=row["digest"],
        created_at=time_in(row["created_at"]),
        expires_at=_time_or_none(row["expires_at"]),
        revoked_at=_time_or_none(row["revoked_at"]),
        name=row["name"],
        publisher=row["publisher"],
    )


def text_of(time: datetime | None) -> str | None:
    """Return a time as text of fixed width, which sorts like times."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if time else None


def artifact_in(row: Row) -> Artifact:
    """Return the artifact of a row."""
    return Artifact(
        filename=row["filename"],
        kind=ArtifactKind(row["kind"]),
        sha256=row["sha256"],
        blake2b_256=row["blake2b_256"],
        md5=row["md5"],
        size=row["size"],
        form_sha256=row["form_sha256"],
        requires_python=row["requires_python"],
        summary=row["summary"],
        requires_dist=tuple(json.loads(row["requires_dist"])),
        core_metadata_sha256=row["core_metadata_sha256"],
        uploaded_at=time_in(row["uploaded_at"]),
        uploaded_by=row["uploaded_by"],
        findings=tuple(map(_finding, json.loads(row["notices"]))),
        attestations=row["attestations"],
    )


def file_upload_in(row: Row) -> FileUpload:
    """Return the file upload of a row."""
    received = json.loads(row["received"]) if row["received"] else None
    return FileUpload(
        id=row["id"],
        filename=row["filename"],
        size=row["size"],
        hashes=json.loads(row["hashes"]),
        status=UploadStatus(row["status"]),
        created_at=time_in(row["created_at"]),
        expires_at=time_in(row["expires_at"]),
        created_by=row["created_by"],
        received=FileDigests(**received) if received else None,
        attestations=row["attestations"],
        notices=tuple(json.loads(row["notices"])),
    )


def promotion_in(row: Row) -> Promotion:
    """Return the promotion of a row."""
    return Promotion(
        stage_id=row["stage_id"],
        approval=Approval(
            manifest_digest=row["manifest_digest"],
            revision=row["revision"],
            by=row["approved_by"],
            at=time_in(row["approved_at"]),
            acknowledged=tuple(json.loads(row["acknowledged"])),
        ),
        target=PublishUrls(row["repository_url"], row["index_url"]),
        publisher=Publisher.of_way(row["way"]),
        fence=row["fence"],
        leased_until=time_in(row["leased_until"]),
        first_sent_at=_time_or_none(row["first_sent_at"]),
        ended_at=_time_or_none(row["ended_at"]),
        notices=tuple(json.loads(row["notices"])),
        stop=_stop_request_in(row),
    )


def _stop_request_in(row: Row) -> StopRequest | None:
    if row["stop_requested_by"] is None:
        return None
    return StopRequest(row["stop_requested_by"], time_in(row["stop_requested_at"]))


def entry_in(row: Row) -> Entry:
    """Return the journal entry of a row."""
    return Entry(
        filename=row["filename"],
        progress=Progress(row["progress"]),
        changed_at=time_in(row["changed_at"]),
        attempts=row["attempts"],
        in_doubt=bool(row["in_doubt"]),
        sentence=row["said"],
        url=row["url"],
        has_query=bool(row["has_query"]),
    )


def look_in(row: Row) -> Look:
    """Return the look of a row."""
    return Look(
        stage_id=row["stage_id"],
        token_id=row["token_id"],
        kind=LookKind(row["kind"]),
        at=time_in(row["looked_at"]),
        manifest_digest=row["manifest_digest"],
        revision=row["revision"],
        files=tuple(SeenFile(*one) for one in json.loads(row["files"])),
    )


def _finding(stored: Mapping[str, str] | str) -> Finding:
    """Return a stored finding. Former versions stored only the messages."""
    return note(stored) if isinstance(stored, str) else finding_in(stored)


def time_in(text: str) -> datetime:
    """Return the time of a column."""
    return datetime.fromisoformat(text)


def _time_or_none(text: str | None) -> datetime | None:
    return time_in(text) if text else None


NO_LIMIT = 2**63 - 1
"""The limit of a query that returns all rows."""


class SqlResult(Protocol):
    """The rows that a statement returns."""

    def fetchone(self) -> Any:  # noqa: ANN401 - a row has values of any kind
        """Return the next row, `None` if there is none."""

    def fetchall(self) -> Any:  # noqa: ANN401 - as above
        """Return all rows."""


class SqlConnection(Protocol):
    """A connection to a database, of whatever engine, on which statements are run."""

    def execute(self, sql: str, values: dict[str, Any], /) -> SqlResult:
        """Run a statement, in which values are named as `:name`."""


class Statements:
    """Runs statements; the base of all rows.

    They are written once for all engines: no type, function or clause that only one of them has.
    """

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    def _one(self, sql: str, **values: object) -> Mapping[str, Any] | None:
        row: Mapping[str, Any] | None = self._connection.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, **values: object) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Mapping[str, Any]] = self._connection.execute(sql, values).fetchall()
        return rows

    def _run(self, sql: str, **values: object) -> None:
        self._connection.execute(sql, values)

    def _upsert(self, table: str, row: Mapping[str, object], key: str | tuple[str, ...]) -> None:
        """Store a row in place of the one with its *key*, if there is one.

        Not by sqlite-utils: it tries once whether SQLite knows ON CONFLICT. Tried on a full
        disk, it concludes that it does not, and then stores no new row, without an error.
        """
        keys = (key,) if isinstance(key, str) else key
        changes = [f"{name} = excluded.{name}" for name in row if name not in keys]
        self._connection.execute(
            f"""
            INSERT INTO {table} ({", ".join(row)})
            VALUES ({", ".join(f":{name}" for name in row)})
            ON CONFLICT ({", ".join(keys)}) DO
            {f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"}
            """,  # noqa: S608 - the names are constants of these modules
            dict(row),
        )
