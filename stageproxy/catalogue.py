"""The port of the database: its rows by subject, and its transactions."""

from asyncio import Future
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from stageproxy.core.audit import AuditRecord, ChainEnd, Event
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.identity.publishers import TrustedPublisher
from stageproxy.core.leases import Lease
from stageproxy.core.limits import Amounts, Scope
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.looks import Look
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.rights import ApiToken
from stageproxy.core.sessions import Holder, Session
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.stage import Artifact, Stage, Status
from stageproxy.core.values import FormFields

T = TypeVar("T")


PagePosition = tuple[datetime, str]
"""A place in the list of stages: when the stage before it was opened, and its id."""


class ConstraintError(Exception):
    """A row breaks a promise of the schema: a second one where only one may be, or a stray one."""


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is stored: stages by status, files, and their bytes.

    `form_size` is that of the forms and METADATA files of all artifacts, in bytes.
    """

    stages: Mapping[str, int]
    files: int
    size: int
    form_size: int = 0


class StageRows(Protocol):
    """Stages, each with its artifacts and its unfinished file uploads."""

    def find(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""

    def find_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage that a stage token opens or opened, and the token's rotation."""

    def find_live(self, project: str, version: str) -> Stage | None:
        """Return the live stage of a release, however its version is spelled."""

    def find_latest(self, project: str, version: str | None) -> Stage | None:
        """Return the latest stage of a release, or of any release of the project."""

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

        Only those of a *project*, of a *version*, however it is spelled, and with one of these
        *statuses*, if they are given.
        Behind the one with which there are more than *most_files* there is at most one more.
        """

    def list_live(self, project: str) -> Sequence[Stage]:
        """Return the live stages of a project, the latest first."""

    def list_expired(self, now: datetime, limit: int) -> Sequence[Stage]:
        """Return stages that have expired and are not ended yet, the earliest first."""

    def list_ended(self, until: datetime, limit: int) -> Sequence[Stage]:
        """Return stages that ended at a time or before, the earliest first."""

    def save(self, stage: Stage) -> None:
        """Store a stage, new or changed, without its artifacts."""

    def save_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Store that a stage token opens a stage."""

    def remove(self, stage_id: str) -> None:
        """Remove a stage and everything that belongs to it."""


class ArtifactRows(Protocol):
    """The artifacts of stages, and the files that were withdrawn from them."""

    def save(
        self, stage_id: str, artifact: Artifact, form: FormFields, core_metadata: bytes | None
    ) -> None:
        """Store an artifact of a stage, in place of one of the same name."""

    def save_md5(self, sha256: str, md5: str) -> None:
        """Store the MD5 of a file for each artifact with these bytes that has none yet.

        It is no change of a stage, whose revision stays: only `find_md5` returns it for certain.
        """

    def find_md5(self, sha256: str) -> str | None:
        """Return the MD5 of a file, if it was stored with or after its upload."""

    def remove(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Remove an artifact from a stage; its URL answers with the *reason* from then on.

        The completed file uploads that brought it are canceled for the same reason.
        """

    def find_former(self, stage_id: str, blake2b_256: str, filename: str) -> str | None:
        """Return why a file is no longer staged."""

    def find_core_metadata(self, stage_id: str, filename: str) -> bytes | None:
        """Return the METADATA file of a staged wheel."""

    def find_form(self, stage_id: str, filename: str) -> FormFields:
        """Return the form that an artifact came with; empty if there is no such artifact."""


class FileUploadRows(Protocol):
    """The file uploads of PEP 694."""

    def find(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in whatever state."""

    def save(self, stage_id: str, upload: FileUpload) -> None:
        """Store a file upload, new or changed."""

    def list_expired(self, now: datetime, limit: int) -> Sequence[tuple[str, FileUpload]]:
        """Return pending file uploads whose time is over, the earliest first, with their stages."""

    def list_processing(self) -> Sequence[tuple[str, FileUpload]]:
        """Return the file uploads that are being completed, each with the id of its stage."""


class FileRows(Protocol):
    """The files that are stored, by their SHA-256."""

    def add(self, sha256: str, size: int) -> None:
        """Add the row of a stored file, if it is missing."""

    def remove(self, sha256: str) -> bool:
        """Remove a file that no row needs; return whether it was removed."""

    def remove_unused(
        self, now: datetime, *, since: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Remove the files that no live stage has needed *since* a time, and return them.

        *prefix*: only the files whose digests begin with it, to work in small steps.
        """

    def list_unused(self, *, since: datetime) -> Sequence[UnneededFile]:
        """Return the files that `remove_unused` would remove, and remove none."""

    def digests(self, prefix: str = "") -> frozenset[str]:
        """Return the digests of all stored files, or of those that begin with a prefix."""


class TokenRows(Protocol):
    """API tokens, by their digests."""

    def find(self, digest: str) -> ApiToken | None:
        """Return an API token by its digest."""

    def find_by_id(self, token_id: str) -> ApiToken | None:
        """Return an API token by its id."""

    def list(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""

    def names(self) -> Mapping[str, str]:
        """Return the names of the API tokens that have one, by their ids, revoked ones too."""

    def save(self, token: ApiToken) -> None:
        """Store an API token, new or changed."""

    def forget_minted(self, before: datetime) -> None:
        """Remove the tokens that were minted for CI jobs and expired *before* a time."""


class SessionRows(Protocol):
    """The sessions at the desk, by the digests of their secrets."""

    def find(self, digest: str) -> Session | None:
        """Return a session by its digest, expired or not."""

    def list(self, holder: Holder) -> Sequence[Session]:
        """Return the sessions of a holder, the latest first."""

    def save(self, session: Session) -> None:
        """Store a session, new or changed."""

    def remove(self, digest: str) -> None:
        """Remove a session, if it exists."""

    def remove_of(self, holder: Holder) -> None:
        """Remove all sessions of a holder."""

    def remove_expired(self, now: datetime) -> None:
        """Remove the sessions that have expired."""


class PromotionRows(Protocol):
    """The promotions of stages, one for each, and their journals."""

    def find(self, stage_id: str) -> Promotion | None:
        """Return the promotion of a stage, the latest attempt at it."""

    def list(self) -> Sequence[Promotion]:
        """Return the promotions of all stages that are not published."""

    def save(self, promotion: Promotion) -> None:
        """Store the promotion of a stage, new or changed."""

    def find_journal(self, stage_id: str) -> Journal:
        """Return the journal of a stage's promotion; empty if there never was one."""

    def save_entry(self, stage_id: str, entry: Entry) -> None:
        """Store how far an artifact is."""

    def remove_entry(self, stage_id: str, filename: str) -> None:
        """Remove the entry of an artifact, if there is one: it was replaced or withdrawn."""

    def remove_journal(self, stage_id: str) -> None:
        """Remove the journal of a stage that has sent nothing and may change."""


class LookRows(Protocol):
    """What was shown of stages: the last look of each kind by each API token."""

    def list(self, stage_id: str) -> Sequence[Look]:
        """Return the looks at a stage, the latest first."""

    def save(self, look: Look) -> None:
        """Store a look, in place of the former one of its kind by the same token."""


class EvidenceRows(Protocol):
    """What was reported of tries of stages."""

    def list(self, stage_id: str) -> Sequence[Evidence]:
        """Return the evidence of a stage, the latest first, superseded one too."""

    def add(self, stage_id: str, evidence: Evidence) -> None:
        """Store new evidence."""

    def remove(self, stage_id: str, evidence_id: str) -> None:
        """Remove evidence of a stage, if it exists."""


class LeaseRows(Protocol):
    """The leases of workers, by the names of their work."""

    def find(self, name: str) -> Lease | None:
        """Return a lease by its name, lapsed or not."""

    def list(self) -> Sequence[Lease]:
        """Return all leases by name, lapsed ones too."""

    def save(self, lease: Lease) -> None:
        """Store a lease, new or changed."""

    def renew(self, name: str, holder: str, until: datetime) -> bool:
        """Store until when a lease lasts, if this *holder* has it; return whether it has."""

    def remove(self, name: str) -> None:
        """Remove a lease whose work is done, if it exists."""


class InstallationRows(Protocol):
    """What servers over one database have in common: facts by name."""

    def facts(self) -> Mapping[str, str]:
        """Return all facts by name."""

    def save(self, name: str, value: str) -> None:
        """Store a fact, new or changed."""

    def remove(self, name: str) -> None:
        """Remove a fact, if it is known."""


class RateRows(Protocol):
    """What all servers together have counted, by names that tell nothing of who it was."""

    def add(self, name: str, used: timedelta, period: timedelta, now: datetime) -> timedelta:
        """Take from a bucket what is refilled in a time; return what is missing in it then.

        That is at most a *period*. Others may do so at the same time.
        """

    def remove_full(self, now: datetime) -> None:
        """Remove the buckets that are full again."""


class PublisherRows(Protocol):
    """Trusted publishers: CI jobs that may upload to a project."""

    def find(self, publisher_id: str) -> TrustedPublisher | None:
        """Return a publisher by its id."""

    def list(self, project: str | None = None) -> Sequence[TrustedPublisher]:
        """Return the publishers of a project, or all, the earliest first."""

    def list_of_issuer(self, issuer: str) -> Sequence[TrustedPublisher]:
        """Return the publishers that trust an issuer, the earliest first."""

    def issuers(self) -> frozenset[str]:
        """Return the issuers that any publisher trusts."""

    def add(self, publisher: TrustedPublisher) -> None:
        """Store a new publisher."""

    def remove(self, publisher_id: str) -> None:
        """Remove a publisher, if it exists."""


class IdentityRows(Protocol):
    """The identities of CI jobs that were used, each for one API token."""

    def use(self, digest: str, until: datetime) -> bool:
        """Store that an identity is used; return whether it is for the first time."""

    def forget(self, now: datetime) -> None:
        """Forget the identities that nobody takes any more."""


class AuditRows(Protocol):
    """The audit trail, which is only added to."""

    def add(self, event: Event) -> AuditRecord:
        """Add an event to the end of the trail, without anything that looks like a token.

        It is stored if the change that this transaction makes is stored, and only then.
        """

    def list(
        self, stage_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records of a stage, or all, in order, that follow the record *after*.

        A record that was changed behind our back is returned as it is now, and
        does not match its digest.
        """

    def list_without_stage(
        self, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records that are about no stage, in order, that follow the record *after*."""

    def head(self) -> ChainEnd:
        """Return where the audit trail ends."""


class Rows(Protocol):
    """The rows that one transaction sees, by subject. Plain functions: nothing here waits."""

    @property
    def stages(self) -> StageRows:
        """The stages."""

    @property
    def artifacts(self) -> ArtifactRows:
        """The artifacts of stages."""

    @property
    def files(self) -> FileRows:
        """The stored files."""

    @property
    def file_uploads(self) -> FileUploadRows:
        """The file uploads of PEP 694."""

    @property
    def tokens(self) -> TokenRows:
        """The API tokens."""

    @property
    def sessions(self) -> SessionRows:
        """The sessions at the desk."""

    @property
    def promotions(self) -> PromotionRows:
        """The promotions and their journals."""

    @property
    def looks(self) -> LookRows:
        """What was shown of stages."""

    @property
    def evidence(self) -> EvidenceRows:
        """What was reported of tries of stages."""

    @property
    def leases(self) -> LeaseRows:
        """The leases of workers."""

    @property
    def installation(self) -> InstallationRows:
        """What servers over one database have in common."""

    @property
    def rates(self) -> RateRows:
        """What servers have counted."""

    @property
    def publishers(self) -> PublisherRows:
        """The trusted publishers."""

    @property
    def identities(self) -> IdentityRows:
        """The identities that were used."""

    @property
    def audit(self) -> AuditRows:
        """The audit trail."""

    def now(self) -> datetime | None:
        """Return the time by the clock that all servers share: that of the database.

        `None` if it has none of its own; then the clock of this process is meant.
        """

    def totals(self) -> Totals:
        """Return how much is stored."""

    def usage(self, scope: Scope) -> Amounts:
        """Return how much is used of each quota: 0 where the scope has no token, project or stage.

        Files of live stages count once by their contents, and what was announced counts as if
        it had come. In all, every stored file counts until it is swept.
        """


class Catalogue(Protocol):
    """The database."""

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in one transaction; no other transaction writes meanwhile.

        Raise `ConstraintError` if a row breaks a promise of the schema, and
        `StorageError` if the disk is full or fails, or the database is locked or
        damaged; nothing is stored then.
        """

    async def write_aside(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in a transaction that need not wait for those that others write.

        For counters and times on which no answer of the preview depends. Like `write`, it is
        stored as a whole, or raises; but it may be stored twice if a connection is lost.
        """

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Run *work*, which changes nothing, on what is committed.

        Raise `StorageError` if the database cannot be read.
        """


class RunningCatalogue(Catalogue, Protocol):
    """The database of a running server: whether it changed, and how it does."""

    def state(self) -> int | None:
        """Return a number that differs after every change by `write`, of any server.

        `None`: it is not known without waiting for the database; see `ask_state`.
        """

    def ask_state(self) -> Future[int]:
        """Return the number of the state after everything that was committed before the call.

        `StorageError` if the database does not answer. Others may wait for the same future: it
        must not be cancelled.
        """

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of the database, by its name."""

    @property
    def wal_bytes(self) -> int:
        """The size of the write-ahead log, if it is ours to look after, else 0."""

    async def shorten_log(self) -> None:
        """Move the write-ahead log into the database, and free its room, if it is long."""

    async def check(self) -> str | None:
        """Return why the database cannot be written, if it cannot."""

    def close(self) -> None:
        """Finish the running transactions, and close the database."""
