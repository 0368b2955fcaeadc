"""A catalogue and a store of files that are gone with the test, and keep the ports' promises."""

import hashlib
import io
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.release.stages import LIVE, Artifact, Stage, same_version
from stageproxy.core.rights import ApiToken
from stageproxy.core.verdict.archives import Contents, read_contents
from stageproxy.core.verdict.filenames import DistributionName
from stageproxy.core.verdict.metadata import FormFields
from stageproxy.ports import ArtifactFiles, Catalogue, Clock, IncomingFile, Received, Rows, Totals

T = TypeVar("T")

FileKey = tuple[str, str]
FormerKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An artifact with what came along."""

    artifact: Artifact
    form: FormFields
    core_metadata: bytes | None


@dataclass(slots=True)
class FakeRows:
    """All rows, as dictionaries of values; see `ports.Rows`."""

    stages: dict[str, Stage] = field(default_factory=dict)
    stage_tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    artifacts: dict[FileKey, _Kept] = field(default_factory=dict)
    former: dict[FormerKey, str] = field(default_factory=dict)
    api_tokens: dict[str, ApiToken] = field(default_factory=dict)
    unused_since: dict[str, datetime | None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "FakeRows":
        """Return rows that change on their own."""
        return FakeRows(
            dict(self.stages),
            dict(self.stage_tokens),
            dict(self.artifacts),
            dict(self.former),
            dict(self.api_tokens),
            dict(self.unused_since),
            dict(self.sizes),
        )

    def find_stage(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""
        stage = self.stages.get(stage_id)
        return self._with_artifacts(stage) if stage else None

    def find_stage_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage that a stage token opens or opened, and the rotation it is of."""
        if digest not in self.stage_tokens:
            return None
        stage_id, rotation = self.stage_tokens[digest]
        return self._with_artifacts(self.stages[stage_id]), rotation

    def find_live_stage(self, project: str, version: str) -> Stage | None:
        """Return the live stage of a release, however its version is spelled."""
        found = (one for one in self.stages.values() if _is_live_stage_of(one, project, version))
        return next((self._with_artifacts(one) for one in found), None)

    def list_stages(self, project: str | None = None) -> Sequence[Stage]:
        """Return the stages of a project, or all of them, the latest first."""
        wanted = [one for one in self.stages.values() if project in {None, one.project}]
        by_id = sorted(wanted, key=lambda one: one.id)
        latest_first = sorted(by_id, key=lambda one: one.opened_at, reverse=True)
        return [self._with_artifacts(one) for one in latest_first]

    def save_stage(self, stage: Stage) -> None:
        """Keep a stage as it is now, new or changed; its artifacts are kept on their own."""
        if stage.status in LIVE and stage.version is not None:
            live = self.find_live_stage(stage.project, stage.version)
            _require(live is None or live.id == stage.id)
        self.stages[stage.id] = replace(stage, artifacts=())

    def save_stage_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Let a stage token open a stage."""
        _require(stage_id in self.stages)
        self.stage_tokens[digest] = (stage_id, rotation)

    def remove_stage(self, stage_id: str) -> None:
        """Forget a stage and all that belongs to it."""
        self.stages.pop(stage_id, None)
        self.artifacts = {key: one for key, one in self.artifacts.items() if key[0] != stage_id}
        self.former = {key: one for key, one in self.former.items() if key[0] != stage_id}
        self.stage_tokens = {
            digest: opened for digest, opened in self.stage_tokens.items() if opened[0] != stage_id
        }

    def save_artifact(
        self, stage_id: str, artifact: Artifact, form: FormFields, core_metadata: bytes | None
    ) -> None:
        """Keep an artifact of a stage, in place of one that has its name."""
        _require(stage_id in self.stages)
        self.unused_since[artifact.sha256] = None
        self.sizes[artifact.sha256] = artifact.size
        self.former.pop((stage_id, artifact.blake2b_256, artifact.filename), None)
        self.artifacts[stage_id, artifact.filename] = _Kept(artifact, form, core_metadata)

    def remove_artifact(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Take an artifact out of a stage; its URL then tells the *reason*."""
        _require(stage_id in self.stages)
        self.artifacts.pop((stage_id, artifact.filename), None)
        self.former[stage_id, artifact.blake2b_256, artifact.filename] = reason

    def find_former_file(self, stage_id: str, blake2b_256: str, filename: str) -> str | None:
        """Return why a file is not staged any more that once was."""
        return self.former.get((stage_id, blake2b_256, filename))

    def find_core_metadata(self, stage_id: str, filename: str) -> bytes | None:
        """Return the METADATA file of a staged wheel."""
        kept = self.artifacts.get((stage_id, filename))
        return kept.core_metadata if kept else None

    def find_form(self, stage_id: str, filename: str) -> FormFields:
        """Return the form that an artifact came with; empty if there is no such artifact."""
        kept = self.artifacts.get((stage_id, filename))
        return kept.form if kept else ()

    def totals(self) -> Totals:
        """Return how much is kept."""
        stages = Counter(stage.status.value for stage in self.stages.values())
        return Totals(dict(stages), len(self.sizes), sum(self.sizes.values()))

    def find_api_token(self, digest: str) -> ApiToken | None:
        """Return what is known of an API token."""
        return next((one for one in self.api_tokens.values() if one.digest == digest), None)

    def list_api_tokens(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""
        by_id = sorted(self.api_tokens.values(), key=lambda one: one.id)
        return sorted(by_id, key=lambda one: one.created_at, reverse=True)

    def save_api_token(self, token: ApiToken) -> None:
        """Keep an API token as it is now, new or changed."""
        known = self.find_api_token(token.digest)
        _require(known is None or known.id == token.id)
        self.api_tokens[token.id] = token

    def unused_files(self, now: datetime, *, since: datetime) -> Sequence[str]:
        """Return and forget the digests of files that no live stage has needed *since* then."""
        for digest, unused_since in self.unused_since.items():
            self.unused_since[digest] = None if self._is_used(digest) else unused_since or now
        unused = [
            digest
            for digest, unused_since in self.unused_since.items()
            if unused_since is not None and unused_since <= since
        ]
        for digest in unused:
            del self.unused_since[digest], self.sizes[digest]
        return unused

    def known_files(self) -> frozenset[str]:
        """Return the digests of all files that a row names."""
        return frozenset(self.unused_since)

    def _is_used(self, sha256: str) -> bool:
        return any(
            kept.artifact.sha256 == sha256 and self.stages[stage_id].status in LIVE
            for (stage_id, _), kept in self.artifacts.items()
        )

    def _with_artifacts(self, stage: Stage) -> Stage:
        held = [kept.artifact for key, kept in self.artifacts.items() if key[0] == stage.id]
        return replace(stage, artifacts=tuple(sorted(held, key=lambda one: one.filename)))


def _is_live_stage_of(stage: Stage, project: str, version: str) -> bool:
    is_same = stage.version is not None and same_version(stage.version, version)
    return is_same and stage.project == project and stage.status in LIVE


def _require(holds: bool) -> None:  # noqa: FBT001 - a constraint of the schema, as SQLite checks it
    if not holds:
        raise sqlite3.IntegrityError


@dataclass(slots=True)
class FakeCatalogue:
    """Rows in memory, of which nobody sees half a change; see `ports.Catalogue`."""

    committed: FakeRows = field(default_factory=FakeRows)

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Do *work* in one transaction that nobody else writes in; whole or not at all."""
        rows = self.committed.copy()
        result = work(rows)
        self.committed = rows
        return result

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Do *work* that changes nothing, on what is committed."""
        return work(self.committed.copy())


@dataclass(slots=True)
class FakeIncoming:
    """A file on its way in; see `ports.IncomingFile`."""

    files: "FakeFiles"
    size: int = 0
    content: bytes = b""

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.content += chunk
        self.size += len(chunk)

    async def finish(self) -> Received:
        """Return what was received."""
        return Received(
            size=self.size,
            sha256=hashlib.sha256(self.content).hexdigest(),
            blake2b_256=hashlib.blake2b(self.content, digest_size=32).hexdigest(),
            md5=hashlib.md5(self.content, usedforsecurity=False).hexdigest(),
        )

    async def read_contents(self, name: DistributionName) -> Contents:
        """Look into the archive."""
        return read_contents(io.BytesIO(self.content), name)

    def keep(self) -> None:
        """Put the file where its digest says, for good."""
        digest = hashlib.sha256(self.content).hexdigest()
        self.files.kept[digest] = self.content
        self.files.touched[digest] = self.files.clock.now()


@dataclass(slots=True)
class FakeFiles:
    """Files in memory; see `ports.ArtifactFiles`. Their paths lead nowhere."""

    clock: Clock
    kept: dict[str, bytes] = field(default_factory=dict)
    touched: dict[str, datetime] = field(default_factory=dict)

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file for bytes that come in."""
        return self._receive()

    def path(self, sha256: str) -> Path:
        """Return where a kept file is."""
        return Path("kept") / sha256

    def remove(self, sha256: str) -> None:
        """Delete a file, if it is there."""
        self.kept.pop(sha256, None)

    def sweep(self, known: frozenset[str], before: datetime) -> int:
        """Delete what no row names and nobody has touched since *before*; return how many."""
        stale = [one for one in self.kept if one not in known and self.touched[one] < before]
        for digest in stale:
            self.remove(digest)
        return len(stale)

    @asynccontextmanager
    async def _receive(self) -> AsyncIterator[IncomingFile]:
        yield FakeIncoming(self)


def fits_the_ports(catalogue: FakeCatalogue, files: FakeFiles) -> tuple[Catalogue, ArtifactFiles]:
    """Return the fakes as what they stand for: mypy proves that they do."""
    return catalogue, files
