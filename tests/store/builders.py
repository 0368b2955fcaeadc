"""Builders of stored values: each names what matters to a test, and only that."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from packaging.utils import canonicalize_name

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.rules.findings import note, suspicious
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage, Status

NOW = datetime(2026, 11, 22, 12, 30, 15, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FORM = ((":action", "file_upload"), ("name", "demo"), ("requires_dist", "idna"))

_ids = count(1)


def a_stage(
    stage_id: str | None = None,
    *,
    project: str = "demo",
    version: str | None = "1.0",
    status: Status = Status.OPEN,
    opened_at: datetime = NOW,
) -> Stage:
    """Return a stage without artifacts, with its own id."""
    return Stage(
        id=stage_id or f"stage-{next(_ids)}",
        project=canonicalize_name(project),
        version=version,
        status=status,
        revision=0,
        rotation=0,
        lifetime=7 * DAY,
        opened_at=opened_at,
        expires_at=opened_at + 7 * DAY,
    )


def an_artifact(content: bytes = b"a wheel", *, filename: str | None = None) -> Artifact:
    """Return the artifact of a wheel with that *content*."""
    return Artifact(
        filename=filename or "demo-1.0-py3-none-any.whl",
        kind=ArtifactKind.WHEEL,
        sha256=hashlib.sha256(content).hexdigest(),
        blake2b_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        size=len(content),
        form_sha256=hashlib.sha256(b"form").hexdigest(),
        requires_python=">=3.11",
        summary=None,
        requires_dist=("idna", 'packaging; extra == "all"'),
        core_metadata_sha256=hashlib.sha256(b"metadata").hexdigest(),
        uploaded_at=NOW,
        uploaded_by="a token",
        findings=(suspicious("Something to know.", "name"), note("And this.")),
        attestations=2,
    )


def an_api_token(
    token_id: str | None = None,
    *,
    digest: str | None = None,
    created_at: datetime = NOW,
    version: str | None = None,
    expires_at: datetime | None = None,
    kind: TokenKind = TokenKind.UPLOAD,
    project: str = "demo",
) -> ApiToken:
    """Return an API token, by default one for uploads."""
    number = next(_ids)
    return ApiToken(
        id=token_id or f"token-{number}",
        kind=kind,
        project=project,
        version=version,
        digest=digest or hashlib.sha256(str(number).encode()).hexdigest(),
        created_at=created_at,
        expires_at=expires_at,
    )


async def given(catalogue: Catalogue, *stages: Stage) -> None:
    """Store stages, each in its own transaction."""
    for stage in stages:
        await catalogue.write(partial(_save, stage))


def _save(stage: Stage, rows: Rows) -> None:
    rows.stages.save(stage)
