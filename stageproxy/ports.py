"""What services need of the outside: rows, files, the index, an upload client, a clock."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.audit import AuditRecord, ChainEnd, Event
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.promotion.replies import Reply
from stageproxy.core.rights import ApiToken, Credential
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.stage import Artifact, Stage
from stageproxy.core.values import FormFields

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is kept: stages by their status, files, and the bytes of these."""

    stages: Mapping[str, int]
    files: int
    size: int


class StageRows(Protocol):
    """Stages, each with its artifacts and its unfinished file uploads."""

    def find(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""

    def find_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage that a stage token opens or opened, and the token's rotation."""

    def find_live(self, project: str, version: str) -> Stage | None:
        """Return the live stage of a release, however its version is spelled."""

    def list(self, project: str | None = None) -> Sequence[Stage]:
        """Return the stages of a project, or all stages, the latest first."""

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


class FileRows(Protocol):
    """The files that are stored, by their SHA-256."""

    def remove(self, sha256: str) -> bool:
        """Remove a file that no row needs; return whether it was removed."""

    def remove_unused(self, now: datetime, *, since: datetime) -> Sequence[str]:
        """Remove the files that no live stage has needed *since* a time; return their digests."""

    def digests(self) -> frozenset[str]:
        """Return the digests of all stored files."""


class TokenRows(Protocol):
    """API tokens, by their digests."""

    def find(self, digest: str) -> ApiToken | None:
        """Return an API token by its digest."""

    def list(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""

    def save(self, token: ApiToken) -> None:
        """Store an API token, new or changed."""


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

    def remove_journal(self, stage_id: str) -> None:
        """Remove the journal of a stage that has sent nothing and may change."""


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
    def promotions(self) -> PromotionRows:
        """The promotions and their journals."""

    @property
    def audit(self) -> AuditRows:
        """The audit trail."""

    def totals(self) -> Totals:
        """Return how much is stored."""


class Catalogue(Protocol):
    """Where rows are kept."""

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Do *work* in one transaction that nobody else writes in; whole or not at all."""

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Do *work* that changes nothing, on what is committed."""


class IncomingFile(Protocol):
    """A file on its way in. It is gone when its block ends, unless it was kept."""

    size: int

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""

    async def finish(self) -> FileDigests:
        """Make sure that every byte is on the disk, and return what was received."""

    async def read_contents(self, name: DistributionName) -> Contents:
        """Look into the archive."""

    def commit(self) -> None:
        """Put the file where its digest says, for good.

        Called within the transaction that names it: no sweep can come between.
        """


class ArtifactFiles(Protocol):
    """Where the bytes of artifacts are kept, by their SHA-256."""

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file for bytes that come in."""

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a file that is kept already as one that has just come in."""

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a kept file in hex, by hashlib's name of the algorithm.

        *algorithms*: their names, and how many bytes a digest has where that can be chosen.
        """

    def path(self, sha256: str) -> Path:
        """Return where a kept file is."""

    def remove(self, sha256: str) -> None:
        """Delete a file, if it is there."""

    def sweep(self, known: frozenset[str], before: datetime) -> int:
        """Delete what no row names and nobody has touched since *before*; return how many."""


class UpstreamResponse(Protocol):
    """What upstream answers, as it comes in."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """All headers, in any case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body, piece by piece, just as it came over the wire."""


class Index(Protocol):
    """The real PyPI, for reading."""

    @property
    def site(self) -> str:
        """Where people see it: its `/`, without credentials."""

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return a whole document; nothing if upstream has none at that path.

        *fresh*: not one that upstream was asked for a moment ago.
        """

    def open(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Ask upstream for a path, query included, with headers that are fit to be passed on.

        Always by GET: some mirrors answer HEAD differently.
        """

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return where a redirect leads that upstream answered to the path *asked*."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What one request to the upload API carries: the fields in order, then the file."""

    filename: str
    path: Path
    size: int
    sha256: str
    fields: FormFields


class UploadClient(Protocol):
    """The real PyPI, for writing."""

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send an artifact once, and return what becomes of it.

        *report* is told how many bytes of the file have gone out so far. Raise
        `DamagedArtifactError` where the file is not the one that was staged:
        then it was not sent whole.
        """


class Downloads(Protocol):
    """Files of the index, for an index whose pages do not say their hashes."""

    async def sha256_of(self, url: str) -> str:
        """Return the SHA-256 in hex of what is at *url*. Raise `StageproxyError` if it cannot."""


class JournalStore(Protocol):
    """Who keeps the journal of one promotion, under one lease.

    Every call raises `LostLeaseError` once somebody else has taken over.
    """

    async def entries(self) -> Journal:
        """Return the journal as it is."""

    async def record(self, entries: Sequence[Entry]) -> None:
        """Keep how far artifacts are."""

    async def renew(self) -> None:
        """Give a sign of life, so that nobody takes over."""

    async def succeed(self) -> None:
        """Say that every artifact is confirmed: the stage is published."""

    async def fail(self, reason: str) -> None:
        """Say that this promotion goes no further, and why."""


class UploadRequests(Protocol):
    """What is sent for each artifact."""

    async def request_for(self, artifact: Artifact) -> UploadRequest:
        """Return the form and the file of an artifact, as they go out."""


class Credentials(Protocol):
    """With what to publish. One that is minted for a short time is minted anew."""

    async def get(self) -> Credential:
        """Return the credential to publish with now."""


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """Return the present time, in UTC."""
