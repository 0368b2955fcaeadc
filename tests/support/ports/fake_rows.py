"""The rows of the fake catalogue."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stageproxy.catalogue import ConstraintError, PagePosition, Totals
from stageproxy.core.audit import START, AuditRecord, ChainEnd, Event, chained_record, clean_event
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.identity.publishers import TrustedPublisher
from stageproxy.core.leases import Lease
from stageproxy.core.limits import Amounts, Quota, Scope
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.looks import Look
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.rights import ApiToken, redacted
from stageproxy.core.sessions import Holder, Session
from stageproxy.core.stage.file_uploads import (
    IN_PROGRESS,
    UNFINISHED,
    FileUpload,
    UploadStatus,
    UploadStep,
)
from stageproxy.core.stage.paging import up_to
from stageproxy.core.stage.stage import LIVE, Artifact, Stage, Status, same_version
from stageproxy.core.values import FormFields, form_size
from tests.support.ports.clock import FakeClock

FileKey = tuple[str, str]
FormerKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _StoredArtifact:
    """An artifact with its form and core metadata."""

    artifact: Artifact
    form: FormFields
    core_metadata: bytes | None


@dataclass(slots=True)
class FakeTables:
    """What is stored, as dictionaries of values."""

    stages: dict[str, Stage] = field(default_factory=dict)
    stage_tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    artifacts: dict[FileKey, _StoredArtifact] = field(default_factory=dict)
    former: dict[FormerKey, str] = field(default_factory=dict)
    api_tokens: dict[str, ApiToken] = field(default_factory=dict)
    unused_since: dict[str, datetime | None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    uploads: dict[FileKey, FileUpload] = field(default_factory=dict)
    promotions: dict[str, Promotion] = field(default_factory=dict)
    entries: dict[FileKey, Entry] = field(default_factory=dict)
    looks: dict[tuple[str, str, str], Look] = field(default_factory=dict)
    evidence: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    rates: dict[str, datetime] = field(default_factory=dict)
    events: list[AuditRecord] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    publishers: dict[str, TrustedPublisher] = field(default_factory=dict)
    identities: dict[str, datetime] = field(default_factory=dict)

    def copy(self) -> "FakeTables":
        """Return a copy."""
        return FakeTables(
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
            dict(self.looks),
            dict(self.evidence),
            dict(self.leases),
            dict(self.sessions),
            dict(self.rates),
            list(self.events),
            dict(self.facts),
            dict(self.publishers),
            dict(self.identities),
        )

    def is_used(self, sha256: str) -> bool:
        """Return whether a live stage needs a file."""
        is_coming = any(
            one.received and one.received.sha256 == sha256 and one.status in IN_PROGRESS
            for (stage_id, _), one in self.uploads.items()
            if self.stages[stage_id].status in LIVE
        )
        return is_coming or any(
            stored.artifact.sha256 == sha256 and self.stages[stage_id].status in LIVE
            for (stage_id, _), stored in self.artifacts.items()
        )

    def with_artifacts(self, stage: Stage) -> Stage:
        """Return a stage with its artifacts and unfinished file uploads."""
        held = [stored.artifact for key, stored in self.artifacts.items() if key[0] == stage.id]
        return replace(
            stage,
            artifacts=tuple(sorted(held, key=lambda one: one.filename)),
            uploads=tuple(sorted(self.unfinished(stage.id), key=lambda one: one.filename)),
        )

    def unfinished(self, stage_id: str) -> Sequence[FileUpload]:
        """Return the unfinished file uploads of a stage."""
        return [
            replace(one, attestations=None)
            for key, one in self.uploads.items()
            if key[0] == stage_id and one.status in UNFINISHED
        ]


@dataclass(frozen=True, slots=True)
class FakeStageRows:
    """See `catalogue.StageRows`."""

    tables: FakeTables

    def find(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""
        stage = self.tables.stages.get(stage_id)
        return self.tables.with_artifacts(stage) if stage else None

    def find_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage of a stage token, old or new, and the rotation of the token."""
        if digest not in self.tables.stage_tokens:
            return None
        stage_id, rotation = self.tables.stage_tokens[digest]
        return self.tables.with_artifacts(self.tables.stages[stage_id]), rotation

    def find_live(self, project: str, version: str) -> Stage | None:
        """Return the live stage of a release, in any spelling of its version."""
        found = (
            one for one in self.tables.stages.values() if _is_live_stage_of(one, project, version)
        )
        return next((self.tables.with_artifacts(one) for one in found), None)

    def find_latest(self, project: str, version: str | None) -> Stage | None:
        """Return the latest stage of a release, or of any release of the project."""
        return next(iter(self.list(project, version=version)), None)

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
        """Return the stages after a position, the latest first."""
        wanted = [
            one
            for one in self.tables.stages.values()
            if project in {None, one.project}
            and (version is None or same_version(one.version or "", version))
            and (statuses is None or one.status in statuses)
            and (after is None or _place(after[0], after[1]) < _place(one.opened_at, one.id))
        ]
        latest_first = sorted(wanted, key=lambda one: _place(one.opened_at, one.id))
        return [*up_to(map(self.tables.with_artifacts, latest_first[:limit]), most_files)]

    def list_live(self, project: str) -> Sequence[Stage]:
        """Return the live stages of a project, the latest first."""
        return [one for one in self.list(project) if one.status in LIVE]

    def list_expired(self, now: datetime, limit: int) -> Sequence[Stage]:
        """Return stages that have expired and are not ended yet."""
        expired = [one for one in self.list() if one.has_expired(now)]
        return sorted(expired, key=lambda one: one.expires_at)[:limit]

    def list_ended(self, until: datetime, limit: int) -> Sequence[Stage]:
        """Return stages that ended at a time or before."""
        ends = [(one.ended_at, one.id) for one in self.list() if one.ended_at]
        ended = sorted(one for one in ends if one[0] <= until)[:limit]
        return [self.tables.with_artifacts(self.tables.stages[one]) for _, one in ended]

    def save(self, stage: Stage) -> None:
        """Store a stage, new or changed, without its artifacts."""
        if stage.status in LIVE and stage.version is not None:
            live = self.find_live(stage.project, stage.version)
            _require(live is None or live.id == stage.id)
        self.tables.stages[stage.id] = replace(stage, artifacts=(), uploads=())

    def save_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Store a stage token."""
        _require(stage_id in self.tables.stages)
        self.tables.stage_tokens[digest] = (stage_id, rotation)

    def remove(self, stage_id: str) -> None:
        """Remove a stage and everything that belongs to it."""
        self.tables.stages.pop(stage_id, None)
        self.tables.artifacts = {
            key: one for key, one in self.tables.artifacts.items() if key[0] != stage_id
        }
        self.tables.former = {
            key: one for key, one in self.tables.former.items() if key[0] != stage_id
        }
        self.tables.uploads = {
            key: one for key, one in self.tables.uploads.items() if key[0] != stage_id
        }
        self.tables.promotions.pop(stage_id, None)
        self.tables.looks = {
            key: one for key, one in self.tables.looks.items() if key[0] != stage_id
        }
        self.tables.evidence = {
            key: one for key, one in self.tables.evidence.items() if key[0] != stage_id
        }
        FakePromotionRows(self.tables).remove_journal(stage_id)
        self.tables.stage_tokens = {
            digest: opened
            for digest, opened in self.tables.stage_tokens.items()
            if opened[0] != stage_id
        }


@dataclass(frozen=True, slots=True)
class FakeArtifactRows:
    """See `catalogue.ArtifactRows`."""

    tables: FakeTables

    def save(
        self, stage_id: str, artifact: Artifact, form: FormFields, core_metadata: bytes | None
    ) -> None:
        """Store an artifact of a stage, in place of one of the same name."""
        _require(stage_id in self.tables.stages)
        self.tables.unused_since[artifact.sha256] = None
        self.tables.sizes[artifact.sha256] = artifact.size
        self.tables.former.pop((stage_id, artifact.blake2b_256, artifact.filename), None)
        self.tables.artifacts[stage_id, artifact.filename] = _StoredArtifact(
            artifact, form, core_metadata
        )

    def save_md5(self, sha256: str, md5: str) -> None:
        """Store the MD5 of a file for each artifact with these bytes that has none yet."""
        for key, stored in self.tables.artifacts.items():
            if stored.artifact.sha256 == sha256 and stored.artifact.md5 is None:
                artifact = replace(stored.artifact, md5=md5)
                self.tables.artifacts[key] = replace(stored, artifact=artifact)

    def find_md5(self, sha256: str) -> str | None:
        """Return the MD5 of a file, if it was stored with or after its upload."""
        artifacts = (stored.artifact for stored in self.tables.artifacts.values())
        return next((one.md5 for one in artifacts if one.sha256 == sha256 and one.md5), None)

    def remove(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Remove an artifact from a stage, and cancel the file uploads that brought it."""
        _require(stage_id in self.tables.stages)
        for key, upload in self.tables.uploads.items():
            if key[0] == stage_id and _brought(upload, artifact):
                self.tables.uploads[key] = upload.after(UploadStep.DELETE, reason)
        self.tables.artifacts.pop((stage_id, artifact.filename), None)
        self.tables.former[stage_id, artifact.blake2b_256, artifact.filename] = reason

    def find_former(self, stage_id: str, blake2b_256: str, filename: str) -> str | None:
        """Return the reason why a file is no longer staged."""
        return self.tables.former.get((stage_id, blake2b_256, filename))

    def find_core_metadata(self, stage_id: str, filename: str) -> bytes | None:
        """Return the METADATA file of a staged wheel."""
        stored = self.tables.artifacts.get((stage_id, filename))
        return stored.core_metadata if stored else None

    def find_form(self, stage_id: str, filename: str) -> FormFields:
        """Return the form of an artifact, empty if there is none."""
        stored = self.tables.artifacts.get((stage_id, filename))
        return stored.form if stored else ()


@dataclass(frozen=True, slots=True)
class FakeFileUploadRows:
    """See `catalogue.FileUploadRows`."""

    tables: FakeTables

    def find(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in any status."""
        return self.tables.uploads.get((stage_id, upload_id))

    def save(self, stage_id: str, upload: FileUpload) -> None:
        """Store a file upload, new or changed."""
        others = [one for one in self.tables.unfinished(stage_id) if one.id != upload.id]
        _require(stage_id in self.tables.stages)
        _require(
            upload.status not in UNFINISHED or upload.filename not in {o.filename for o in others}
        )
        if upload.received:
            self.tables.unused_since[upload.received.sha256] = None
            self.tables.sizes[upload.received.sha256] = upload.received.size
        stored = upload if upload.status in IN_PROGRESS else replace(upload, attestations=None)
        self.tables.uploads[stage_id, upload.id] = stored

    def list_expired(self, now: datetime, limit: int) -> Sequence[tuple[str, FileUpload]]:
        """Return pending file uploads whose time is over, with their stages."""
        expired = [
            (key[0], one) for key, one in self.tables.uploads.items() if one.as_of(now) is not one
        ]
        return sorted(expired, key=lambda one: one[1].expires_at)[:limit]

    def list_processing(self) -> Sequence[tuple[str, FileUpload]]:
        """Return the file uploads that are being completed."""
        return [
            (key[0], one)
            for key, one in self.tables.uploads.items()
            if one.status is UploadStatus.PROCESSING
        ]


@dataclass(frozen=True, slots=True)
class FakeFileRows:
    """See `catalogue.FileRows`."""

    tables: FakeTables

    def add(self, sha256: str, size: int) -> None:
        """Add the row of a stored file, if it is missing."""
        self.tables.sizes.setdefault(sha256, size)
        self.tables.unused_since.setdefault(sha256, None)

    def remove(self, sha256: str) -> bool:
        """Remove a file that no row needs; return whether it was removed."""
        is_held = any(stored.artifact.sha256 == sha256 for stored in self.tables.artifacts.values())
        is_coming = any(
            one.received and one.received.sha256 == sha256 and one.status in IN_PROGRESS
            for one in self.tables.uploads.values()
        )
        if is_held or is_coming or sha256 not in self.tables.sizes:
            return False
        del self.tables.unused_since[sha256], self.tables.sizes[sha256]
        return True

    def remove_unused(
        self, now: datetime, *, since: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Remove the files that no live stage has needed *since* a time, and return them."""
        named = self.digests(prefix)
        for digest, unused_since in self.tables.unused_since.items():
            if digest not in named:
                continue
            self.tables.unused_since[digest] = (
                None if self.tables.is_used(digest) else unused_since or now
            )
        unused = [
            digest
            for digest, unused_since in self.tables.unused_since.items()
            if digest in named and unused_since is not None and unused_since <= since
        ]
        removed = [UnneededFile(digest, self.tables.sizes[digest]) for digest in unused]
        for digest in unused:
            del self.tables.unused_since[digest], self.tables.sizes[digest]
        return removed

    def list_unused(self, *, since: datetime) -> Sequence[UnneededFile]:
        """Return the files that `remove_unused` would remove, and remove none."""
        return [
            UnneededFile(digest, self.tables.sizes[digest])
            for digest, unused_since in sorted(self.tables.unused_since.items())
            if unused_since and unused_since <= since and not self.tables.is_used(digest)
        ]

    def digests(self, prefix: str = "") -> frozenset[str]:
        """Return the digests of all stored files that begin with a prefix."""
        return frozenset(one for one in self.tables.unused_since if one.startswith(prefix))


@dataclass(frozen=True, slots=True)
class FakeTokenRows:
    """See `catalogue.TokenRows`."""

    tables: FakeTables

    def find(self, digest: str) -> ApiToken | None:
        """Return an API token by its digest."""
        return next((one for one in self.tables.api_tokens.values() if one.digest == digest), None)

    def find_by_id(self, token_id: str) -> ApiToken | None:
        """Return an API token by its id."""
        return self.tables.api_tokens.get(token_id)

    def list(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""
        by_id = sorted(self.tables.api_tokens.values(), key=lambda one: one.id)
        return sorted(by_id, key=lambda one: one.created_at, reverse=True)

    def names(self) -> Mapping[str, str]:
        """Return the names of the API tokens that have one, by their ids, revoked ones too."""
        return {one.id: one.name for one in self.tables.api_tokens.values() if one.name}

    def save(self, token: ApiToken) -> None:
        """Store an API token, new or changed."""
        known = self.find(token.digest)
        _require(known is None or known.id == token.id)
        self.tables.api_tokens[token.id] = token

    def forget_minted(self, before: datetime) -> None:
        """Remove the tokens that were minted for CI jobs and expired *before* a time."""
        for one in list(self.tables.api_tokens.values()):
            if one.publisher is not None and one.expires_at and one.expires_at < before:
                del self.tables.api_tokens[one.id]


@dataclass(frozen=True, slots=True)
class FakeSessionRows:
    """See `catalogue.SessionRows`."""

    tables: FakeTables

    def find(self, digest: str) -> Session | None:
        """Return a session by its digest, expired or not."""
        return self.tables.sessions.get(digest)

    def list(self, holder: Holder) -> Sequence[Session]:
        """Return the sessions of a holder, the latest first."""
        own = [one for _, one in sorted(self.tables.sessions.items()) if one.holder == holder]
        return sorted(own, key=lambda one: one.started_at, reverse=True)

    def save(self, session: Session) -> None:
        """Store a session, new or changed."""
        self.tables.sessions[session.digest] = session

    def remove(self, digest: str) -> None:
        """Remove a session, if it exists."""
        self.tables.sessions.pop(digest, None)

    def remove_of(self, holder: Holder) -> None:
        """Remove all sessions of a holder."""
        for session in self.list(holder):
            self.remove(session.digest)

    def remove_expired(self, now: datetime) -> None:
        """Remove the sessions that have expired."""
        for session in [*self.tables.sessions.values()]:
            if not session.is_live(now):
                self.remove(session.digest)


@dataclass(frozen=True, slots=True)
class FakePromotionRows:
    """See `catalogue.PromotionRows`."""

    tables: FakeTables

    def find(self, stage_id: str) -> Promotion | None:
        """Return the promotion of a stage, the latest attempt at it."""
        return self.tables.promotions.get(stage_id)

    def list(self) -> Sequence[Promotion]:
        """Return the promotions of all stages that are not published."""
        unfinished = {Status.PROCESSING, Status.ERROR}
        found = (
            it
            for key, it in self.tables.promotions.items()
            if self.tables.stages[key].status in unfinished
        )
        return sorted(found, key=lambda one: one.stage_id)

    def save(self, promotion: Promotion) -> None:
        """Store the promotion of a stage, new or changed."""
        _require(promotion.stage_id in self.tables.stages)
        self.tables.promotions[promotion.stage_id] = promotion

    def find_journal(self, stage_id: str) -> Journal:
        """Return the journal of a stage's promotion, empty if there is none."""
        return {
            key[1]: self.tables.entries[key]
            for key in sorted(self.tables.entries)
            if key[0] == stage_id
        }

    def save_entry(self, stage_id: str, entry: Entry) -> None:
        """Store the state of an artifact."""
        _require(stage_id in self.tables.stages)
        self.tables.entries[stage_id, entry.filename] = entry

    def remove_entry(self, stage_id: str, filename: str) -> None:
        """Remove the entry of an artifact."""
        self.tables.entries.pop((stage_id, filename), None)

    def remove_journal(self, stage_id: str) -> None:
        """Remove the journal of a stage."""
        self.tables.entries = {
            key: one for key, one in self.tables.entries.items() if key[0] != stage_id
        }


@dataclass(frozen=True, slots=True)
class FakeLookRows:
    """See `catalogue.LookRows`."""

    tables: FakeTables

    def list(self, stage_id: str) -> Sequence[Look]:
        """Return the looks at a stage, the latest first."""
        looks = [one for key, one in sorted(self.tables.looks.items()) if key[0] == stage_id]
        return sorted(looks, key=lambda one: one.at, reverse=True)

    def save(self, look: Look) -> None:
        """Store a look, in place of the former one of its kind by the same token."""
        _require(look.stage_id in self.tables.stages)
        self.tables.looks[look.stage_id, look.token_id, look.kind.value] = look


@dataclass(frozen=True, slots=True)
class FakeEvidenceRows:
    """See `catalogue.EvidenceRows`."""

    tables: FakeTables

    def list(self, stage_id: str) -> Sequence[Evidence]:
        """Return the evidence of a stage, the latest first."""
        found = [one for key, one in sorted(self.tables.evidence.items()) if key[0] == stage_id]
        return sorted(found, key=lambda one: one.at, reverse=True)

    def add(self, stage_id: str, evidence: Evidence) -> None:
        """Store new evidence."""
        _require(stage_id in self.tables.stages)
        _require((stage_id, evidence.id) not in self.tables.evidence)
        self.tables.evidence[stage_id, evidence.id] = evidence

    def remove(self, stage_id: str, evidence_id: str) -> None:
        """Remove evidence of a stage, if it exists."""
        self.tables.evidence.pop((stage_id, evidence_id), None)


@dataclass(frozen=True, slots=True)
class FakeLeaseRows:
    """See `catalogue.LeaseRows`."""

    tables: FakeTables

    def find(self, name: str) -> Lease | None:
        """Return a lease by its name, lapsed or not."""
        return self.tables.leases.get(name)

    def list(self) -> Sequence[Lease]:
        """Return all leases by name."""
        return [lease for _, lease in sorted(self.tables.leases.items())]

    def save(self, lease: Lease) -> None:
        """Store a lease, new or changed."""
        self.tables.leases[lease.name] = lease

    def renew(self, name: str, holder: str, until: datetime) -> bool:
        """Store until when a lease lasts, if a holder has it; return whether it has."""
        lease = self.tables.leases.get(name)
        if lease is None or lease.holder != holder:
            return False
        self.tables.leases[name] = replace(lease, until=until)
        return True

    def remove(self, name: str) -> None:
        """Remove a lease whose work is done, if it exists."""
        self.tables.leases.pop(name, None)


@dataclass(frozen=True, slots=True)
class FakeInstallationRows:
    """See `catalogue.InstallationRows`."""

    tables: FakeTables

    def facts(self) -> Mapping[str, str]:
        """Return all facts by name."""
        return dict(self.tables.facts)

    def save(self, name: str, value: str) -> None:
        """Store a fact, new or changed."""
        self.tables.facts[name] = value

    def remove(self, name: str) -> None:
        """Remove a fact, if it is known."""
        self.tables.facts.pop(name, None)


@dataclass(frozen=True, slots=True)
class FakePublisherRows:
    """See `catalogue.PublisherRows`."""

    tables: FakeTables

    def find(self, publisher_id: str) -> TrustedPublisher | None:
        """Return a publisher by its id."""
        return self.tables.publishers.get(publisher_id)

    def list(self, project: str | None = None) -> Sequence[TrustedPublisher]:
        """Return the publishers of a project, or all, the earliest first."""
        found = sorted(self.tables.publishers.values(), key=lambda one: (one.added_at, one.id))
        return [one for one in found if project in {None, one.project}]

    def list_of_issuer(self, issuer: str) -> Sequence[TrustedPublisher]:
        """Return the publishers that trust an issuer, the earliest first."""
        return [one for one in self.list() if one.issuer == issuer]

    def issuers(self) -> frozenset[str]:
        """Return the issuers that any publisher trusts."""
        return frozenset(one.issuer for one in self.tables.publishers.values())

    def add(self, publisher: TrustedPublisher) -> None:
        """Store a new publisher."""
        self.tables.publishers[publisher.id] = publisher

    def remove(self, publisher_id: str) -> None:
        """Remove a publisher, if it exists."""
        self.tables.publishers.pop(publisher_id, None)


@dataclass(frozen=True, slots=True)
class FakeIdentityRows:
    """See `catalogue.IdentityRows`."""

    tables: FakeTables

    def use(self, digest: str, until: datetime) -> bool:
        """Store that an identity is used; return whether it is for the first time."""
        is_first = digest not in self.tables.identities
        self.tables.identities.setdefault(digest, until)
        return is_first

    def forget(self, now: datetime) -> None:
        """Forget the identities that nobody takes any more."""
        for digest in [one for one, until in self.tables.identities.items() if until <= now]:
            del self.tables.identities[digest]


@dataclass(frozen=True, slots=True)
class FakeRateRows:
    """See `catalogue.RateRows`."""

    tables: FakeTables

    def add(self, name: str, used: timedelta, period: timedelta, now: datetime) -> timedelta:
        """Take from a bucket, and return what is missing in it."""
        full_at = max(self.tables.rates.get(name, now), now)
        self.tables.rates[name] = min(full_at + used, now + period)
        return self.tables.rates[name] - now

    def remove_full(self, now: datetime) -> None:
        """Remove the buckets that are full again."""
        for name in [one for one, full_at in self.tables.rates.items() if full_at <= now]:
            del self.tables.rates[name]


@dataclass(frozen=True, slots=True)
class FakeAuditRows:
    """See `catalogue.AuditRows`."""

    tables: FakeTables

    def add(self, event: Event) -> AuditRecord:
        """Add an event to the end of the trail, without tokens."""
        head = self.head()
        record = chained_record(head.digest, head.number + 1, clean_event(event, redacted))
        self.tables.events.append(record)
        return record

    def list(
        self, stage_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records of a stage, or of all, after the one of a number."""
        found = [one for one in self.tables.events if stage_id in {None, one.event.stage_id}]
        return [one for one in found if one.number > after][:limit]

    def list_without_stage(
        self, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records that are about no stage, after the one of a number."""
        found = [one for one in self.tables.events if one.event.stage_id is None]
        return [one for one in found if one.number > after][:limit]

    def head(self) -> ChainEnd:
        """Return the end of the trail."""
        return self.tables.events[-1].end if self.tables.events else START


class FakeRows:
    """All rows, by subject; see `catalogue.Rows`."""

    def __init__(self, tables: FakeTables | None = None, clock: FakeClock | None = None) -> None:
        self.tables = tables or FakeTables()
        self.clock = clock
        self.stages = FakeStageRows(self.tables)
        self.artifacts = FakeArtifactRows(self.tables)
        self.files = FakeFileRows(self.tables)
        self.file_uploads = FakeFileUploadRows(self.tables)
        self.tokens = FakeTokenRows(self.tables)
        self.sessions = FakeSessionRows(self.tables)
        self.promotions = FakePromotionRows(self.tables)
        self.looks = FakeLookRows(self.tables)
        self.evidence = FakeEvidenceRows(self.tables)
        self.leases = FakeLeaseRows(self.tables)
        self.installation = FakeInstallationRows(self.tables)
        self.rates = FakeRateRows(self.tables)
        self.publishers = FakePublisherRows(self.tables)
        self.identities = FakeIdentityRows(self.tables)
        self.audit = FakeAuditRows(self.tables)

    def copy(self) -> "FakeRows":
        """Return a copy."""
        return FakeRows(self.tables.copy(), self.clock)

    def now(self) -> datetime | None:
        """Return the time by the clock of the database, if it has one."""
        return self.clock.now() if self.clock else None

    def usage(self, scope: Scope) -> Amounts:
        """Return how much is used of each quota."""
        live = {key for key, one in self.tables.stages.items() if one.status in LIVE}
        of_project = {one for one in live if self.tables.stages[one].project == scope.project}
        totals = self.totals()
        coming = [(key[0], one) for key, one in self._coming()]
        unsent = sum(one.size for _, one in coming if one.received is None)
        mine = [one for one in coming if one[1].created_by == scope.token_id and one[0] in live]
        stored = [(key[0], one) for key, one in self.tables.artifacts.items()]
        names = {one.artifact.filename for key, one in stored if key == scope.stage_id}
        names |= {one.filename for key, one in coming if key == scope.stage_id}
        return {
            Quota.TOTAL_BYTES: totals.size + totals.form_size + unsent,
            Quota.PROJECT_BYTES: _bytes_of(
                [one for key, one in stored if key in of_project],
                [one for key, one in coming if key in of_project],
            ),
            Quota.TOKEN_BYTES: _bytes_of(
                [
                    one
                    for key, one in stored
                    if key in live and one.artifact.uploaded_by == scope.token_id
                ],
                [one for _, one in mine],
            ),
            Quota.STAGE_FILES: len(names),
            Quota.STAGE_UPLOADS: len(self.tables.unfinished(scope.stage_id or "")),
            Quota.TOKEN_UPLOADS: len(mine),
        }

    def _coming(self) -> Sequence[tuple[FileKey, FileUpload]]:
        return [(key, one) for key, one in self.tables.uploads.items() if one.status in IN_PROGRESS]

    def totals(self) -> Totals:
        """Return how much is stored."""
        stages = Counter(stage.status.value for stage in self.tables.stages.values())
        sizes = self.tables.sizes.values()
        forms = (form_size(one.form, one.core_metadata) for one in self.tables.artifacts.values())
        return Totals(dict(stages), len(sizes), sum(sizes), sum(forms))


def _bytes_of(stored: Sequence[_StoredArtifact], coming: Sequence[FileUpload]) -> int:
    """Return the bytes of files, each once, of forms, and of what is to come."""
    files = {one.artifact.sha256: one.artifact.size for one in stored}
    forms = sum(form_size(one.form, one.core_metadata) for one in stored)
    sent = (max(one.size, one.received.size if one.received else 0) for one in coming)
    return sum(files.values()) + forms + sum(sent)


def _place(opened_at: datetime, stage_id: str) -> tuple[float, str]:
    """Return what sorts the latest stage first."""
    return -opened_at.timestamp(), stage_id


def _brought(upload: FileUpload, artifact: Artifact) -> bool:
    is_of_name = upload.filename == artifact.filename and upload.status is UploadStatus.COMPLETED
    return is_of_name and bool(upload.received and upload.received.sha256 == artifact.sha256)


def _is_live_stage_of(stage: Stage, project: str, version: str) -> bool:
    is_same = stage.version is not None and same_version(stage.version, version)
    return is_same and stage.project == project and stage.status in LIVE


def _require(holds: bool) -> None:  # noqa: FBT001 - a constraint of the schema, as SQLite checks it
    if not holds:
        raise ConstraintError
