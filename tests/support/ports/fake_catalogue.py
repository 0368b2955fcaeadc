"""A catalogue that is gone with the test, and keeps the port's promises."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.core.audit import START, AuditRecord, ChainEnd, Event, chained_record, clean_event
from stageproxy.core.errors import NoRoomError
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.rights import ApiToken, redacted
from stageproxy.core.stage.file_uploads import (
    COMING,
    UNFINISHED,
    FileUpload,
    UploadStatus,
    UploadStep,
)
from stageproxy.core.stage.stage import LIVE, Artifact, Stage, Status, same_version
from stageproxy.core.values import FormFields
from stageproxy.ports import Catalogue, Rows, Totals

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
    uploads: dict[FileKey, FileUpload] = field(default_factory=dict)
    promotions: dict[str, Promotion] = field(default_factory=dict)
    entries: dict[FileKey, Entry] = field(default_factory=dict)
    events: list[AuditRecord] = field(default_factory=list)

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
            dict(self.uploads),
            dict(self.promotions),
            dict(self.entries),
            list(self.events),
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
        self.stages[stage.id] = replace(stage, artifacts=(), uploads=())

    def save_stage_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Let a stage token open a stage."""
        _require(stage_id in self.stages)
        self.stage_tokens[digest] = (stage_id, rotation)

    def remove_stage(self, stage_id: str) -> None:
        """Forget a stage and all that belongs to it."""
        self.stages.pop(stage_id, None)
        self.artifacts = {key: one for key, one in self.artifacts.items() if key[0] != stage_id}
        self.former = {key: one for key, one in self.former.items() if key[0] != stage_id}
        self.uploads = {key: one for key, one in self.uploads.items() if key[0] != stage_id}
        self.promotions.pop(stage_id, None)
        self.forget_journal(stage_id)
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
        """Take an artifact out of a stage; its URL and its uploads then tell the *reason*."""
        _require(stage_id in self.stages)
        for key, upload in self.uploads.items():
            if key[0] == stage_id and _brought(upload, artifact):
                self.uploads[key] = upload.after(UploadStep.DELETE, reason)
        self.artifacts.pop((stage_id, artifact.filename), None)
        self.former[stage_id, artifact.blake2b_256, artifact.filename] = reason

    def find_file_upload(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in whatever state."""
        return self.uploads.get((stage_id, upload_id))

    def save_file_upload(self, stage_id: str, upload: FileUpload) -> None:
        """Keep a file upload as it is now, new or changed."""
        others = [one for one in self._unfinished(stage_id) if one.id != upload.id]
        _require(stage_id in self.stages)
        _require(
            upload.status not in UNFINISHED or upload.filename not in {o.filename for o in others}
        )
        if upload.received:
            self.unused_since[upload.received.sha256] = None
            self.sizes[upload.received.sha256] = upload.received.size
        kept = upload if upload.status in COMING else replace(upload, attestations=None)
        self.uploads[stage_id, upload.id] = kept

    def forget_file(self, sha256: str) -> bool:
        """Forget a file that no row needs any more; say whether it was so."""
        is_held = any(kept.artifact.sha256 == sha256 for kept in self.artifacts.values())
        is_coming = any(
            one.received and one.received.sha256 == sha256 and one.status in COMING
            for one in self.uploads.values()
        )
        if is_held or is_coming or sha256 not in self.sizes:
            return False
        del self.unused_since[sha256], self.sizes[sha256]
        return True

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

    def find_promotion(self, stage_id: str) -> Promotion | None:
        """Return the promotion of a stage, the latest attempt at it."""
        return self.promotions.get(stage_id)

    def list_promotions(self) -> Sequence[Promotion]:
        """Return the promotions of all stages that are not published."""
        unfinished = {Status.PROCESSING, Status.ERROR}
        found = (it for key, it in self.promotions.items() if self.stages[key].status in unfinished)
        return sorted(found, key=lambda one: one.stage_id)

    def save_promotion(self, promotion: Promotion) -> None:
        """Keep the promotion of a stage as it is now, new or changed."""
        _require(promotion.stage_id in self.stages)
        self.promotions[promotion.stage_id] = promotion

    def find_journal(self, stage_id: str) -> Journal:
        """Return the journal of a stage's promotion; empty if there never was one."""
        return {key[1]: self.entries[key] for key in sorted(self.entries) if key[0] == stage_id}

    def save_entry(self, stage_id: str, entry: Entry) -> None:
        """Keep how far an artifact is."""
        _require(stage_id in self.stages)
        self.entries[stage_id, entry.filename] = entry

    def forget_journal(self, stage_id: str) -> None:
        """Forget the journal of a stage."""
        self.entries = {key: one for key, one in self.entries.items() if key[0] != stage_id}

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

    def add_event(self, event: Event) -> AuditRecord:
        """Add what happened to the end of the trail, without tokens."""
        head = self.audit_head()
        record = chained_record(head.digest, head.number + 1, clean_event(event, redacted))
        self.events.append(record)
        return record

    def list_events(
        self, stage_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records of a stage, or all, that follow the one of a number."""
        found = [one for one in self.events if stage_id in {None, one.event.stage_id}]
        return [one for one in found if one.number > after][:limit]

    def audit_head(self) -> ChainEnd:
        """Return where the trail ends."""
        return self.events[-1].end if self.events else START

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
        is_coming = any(
            one.received and one.received.sha256 == sha256 and one.status in COMING
            for (stage_id, _), one in self.uploads.items()
            if self.stages[stage_id].status in LIVE
        )
        return is_coming or any(
            kept.artifact.sha256 == sha256 and self.stages[stage_id].status in LIVE
            for (stage_id, _), kept in self.artifacts.items()
        )

    def _with_artifacts(self, stage: Stage) -> Stage:
        held = [kept.artifact for key, kept in self.artifacts.items() if key[0] == stage.id]
        return replace(
            stage,
            artifacts=tuple(sorted(held, key=lambda one: one.filename)),
            uploads=tuple(sorted(self._unfinished(stage.id), key=lambda one: one.filename)),
        )

    def _unfinished(self, stage_id: str) -> Sequence[FileUpload]:
        return [
            replace(one, attestations=None)
            for key, one in self.uploads.items()
            if key[0] == stage_id and one.status in UNFINISHED
        ]


def _brought(upload: FileUpload, artifact: Artifact) -> bool:
    is_of_name = upload.filename == artifact.filename and upload.status is UploadStatus.COMPLETED
    return is_of_name and bool(upload.received and upload.received.sha256 == artifact.sha256)


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
    is_full: bool = False

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Do *work* in one transaction that nobody else writes in; whole or not at all."""
        if self.is_full:
            raise NoRoomError
        rows = self.committed.copy()
        result = work(rows)
        self.committed = rows
        return result

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Do *work* that changes nothing, on what is committed."""
        return work(self.committed.copy())


def fits_the_port(catalogue: FakeCatalogue) -> Catalogue:
    """Return the fake as what it stands for: mypy proves that it does."""
    return catalogue
