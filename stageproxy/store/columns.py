"""Here is how values are spelled in columns, and read back from them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from packaging.utils import NormalizedName

from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Approval, Promotion, Publisher, PublishUrls
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.stage.digests import Received
from stageproxy.core.stage.file_uploads import FileUpload, UploadStatus
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage, Status

Row = Mapping[str, Any]


def stage_in(row: Row, artifacts: tuple[Artifact, ...], uploads: tuple[FileUpload, ...]) -> Stage:
    """Return the stage that a row tells of, with what belongs to it."""
    return Stage(
        id=row["id"],
        project=NormalizedName(row["project"]),
        version=row["version"],
        status=Status(row["status"]),
        revision=row["revision"],
        rotation=row["rotation"],
        lifetime=timedelta(seconds=row["lifetime"]),
        opened_at=_moment(row["opened_at"]),
        expires_at=_moment(row["expires_at"]),
        ended_at=_moment_or_none(row["ended_at"]),
        reason=row["reason"],
        sent=bool(row["sent"]),
        artifacts=artifacts,
        uploads=uploads,
    )


def api_token_in(row: Row) -> ApiToken:
    """Return the API token that a row tells of."""
    return ApiToken(
        id=row["id"],
        kind=TokenKind(row["kind"]),
        project=row["project"],
        version=row["version"],
        digest=row["digest"],
        created_at=_moment(row["created_at"]),
        expires_at=_moment_or_none(row["expires_at"]),
        revoked_at=_moment_or_none(row["revoked_at"]),
    )


def text_of(moment: datetime | None) -> str | None:
    """Return a time as fixed-width text, which sorts as times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def artifact_in(row: Row) -> Artifact:
    """Return the artifact that a row tells of."""
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
        uploaded_at=_moment(row["uploaded_at"]),
        uploaded_by=row["uploaded_by"],
        notices=tuple(json.loads(row["notices"])),
        attestations=row["attestations"],
    )


def file_upload_in(row: Row) -> FileUpload:
    """Return the file upload that a row tells of."""
    received = json.loads(row["received"]) if row["received"] else None
    return FileUpload(
        id=row["id"],
        filename=row["filename"],
        size=row["size"],
        hashes=json.loads(row["hashes"]),
        status=UploadStatus(row["status"]),
        created_at=_moment(row["created_at"]),
        expires_at=_moment(row["expires_at"]),
        created_by=row["created_by"],
        received=Received(**received) if received else None,
        attestations=row["attestations"],
        notices=tuple(json.loads(row["notices"])),
    )


def promotion_in(row: Row) -> Promotion:
    """Return the promotion that a row tells of."""
    return Promotion(
        stage_id=row["stage_id"],
        approval=Approval(
            manifest_digest=row["manifest_digest"],
            revision=row["revision"],
            by=row["approved_by"],
            at=_moment(row["approved_at"]),
            acknowledged=tuple(json.loads(row["acknowledged"])),
        ),
        target=PublishUrls(row["repository_url"], row["index_url"]),
        publisher=Publisher.of_way(row["way"]),
        fence=row["fence"],
        leased_until=_moment(row["leased_until"]),
        first_sent_at=_moment_or_none(row["first_sent_at"]),
        ended_at=_moment_or_none(row["ended_at"]),
        notices=tuple(json.loads(row["notices"])),
    )


def entry_in(row: Row) -> Entry:
    """Return the entry of a promotion's journal that a row tells of."""
    return Entry(
        filename=row["filename"],
        progress=Progress(row["progress"]),
        changed_at=_moment(row["changed_at"]),
        attempts=row["attempts"],
        in_doubt=bool(row["in_doubt"]),
        said=row["said"],
        url=row["url"],
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment_or_none(text: str | None) -> datetime | None:
    return _moment(text) if text else None
