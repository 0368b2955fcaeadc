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
from stageproxy.core.stage.digests import Received
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


class Rows(Protocol):
    """What is kept, as seen from within one transaction. Plain functions: nothing here waits."""

    def find_stage(self, stage_id: str) -> Stage | None:
        """Return a stage by its id."""

    def find_stage_by_token(self, digest: str) -> tuple[Stage, int] | None:
        """Return the stage that a stage token opens or opened, and the rotation it is of."""

    def find_live_stage(self, project: str, version: str) -> Stage | None:
        """Return the live stage of a release, however its version is spelled."""

    def list_stages(self, project: str | None = None) -> Sequence[Stage]:
        """Return the stages of a project, or all of them, the latest first."""

    def save_stage(self, stage: Stage) -> None:
        """Keep a stage as it is now, new or changed; its artifacts are kept on their own."""

    def save_stage_token(self, digest: str, stage_id: str, rotation: int) -> None:
        """Let a stage token open a stage."""

    def remove_stage(self, stage_id: str) -> None:
        """Forget a stage and all that belongs to it."""

    def save_artifact(
        self, stage_id: str, artifact: Artifact, form: FormFields, core_metadata: bytes | None
    ) -> None:
        """Keep an artifact of a stage, in place of one that has its name."""

    def remove_artifact(self, stage_id: str, artifact: Artifact, reason: str) -> None:
        """Take an artifact out of a stage; its URL then tells the *reason*.

        So do the completed file uploads that brought it, which are canceled.
        """

    def find_file_upload(self, stage_id: str, upload_id: str) -> FileUpload | None:
        """Return a file upload of a stage, in whatever state."""

    def save_file_upload(self, stage_id: str, upload: FileUpload) -> None:
        """Keep a file upload as it is now, new or changed."""

    def forget_file(self, sha256: str) -> bool:
        """Forget a file that no row needs any more; say whether it was so."""

    def find_former_file(self, stage_id: str, blake2b_256: str, filename: str) -> str | None:
        """Return why a file is not staged any more that once was."""

    def find_core_metadata(self, stage_id: str, filename: str) -> bytes | None:
        """Return the METADATA file of a staged wheel."""

    def find_form(self, stage_id: str, filename: str) -> FormFields:
        """Return the form that an artifact came with; empty if there is no such artifact."""

    def find_api_token(self, digest: str) -> ApiToken | None:
        """Return what is known of an API token."""

    def list_api_tokens(self) -> Sequence[ApiToken]:
        """Return all API tokens, the latest first."""

    def save_api_token(self, token: ApiToken) -> None:
        """Keep an API token as it is now, new or changed."""

    def find_promotion(self, stage_id: str) -> Promotion | None:
        """Return the promotion of a stage, the latest attempt at it."""

    def list_promotions(self) -> Sequence[Promotion]:
        """Return the promotions of all stages that are not published: they may need somebody."""

    def save_promotion(self, promotion: Promotion) -> None:
        """Keep the promotion of a stage as it is now, new or changed."""

    def find_journal(self, stage_id: str) -> Journal:
        """Return the journal of a stage's promotion; empty if there never was one."""

    def save_entry(self, stage_id: str, entry: Entry) -> None:
        """Keep how far an artifact is."""

    def forget_journal(self, stage_id: str) -> None:
        """Forget the journal of a stage that has sent nothing, and may have other files by now."""

    def add_event(self, event: Event) -> AuditRecord:
        """Add what happened to the end of the audit trail, without what looks like a token.

        It is there if the change is that this transaction makes, and only then.
        """

    def list_events(
        self, stage_id: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> Sequence[AuditRecord]:
        """Return the records of a stage, or all, in order, that come *after* the one of a number.

        What somebody changed behind our back comes as it is now, and does not fit its digest.
        """

    def audit_head(self) -> ChainEnd:
        """Return where the audit trail ends."""

    def totals(self) -> Totals:
        """Return how much is kept."""

    def unused_files(self, now: datetime, *, since: datetime) -> Sequence[str]:
        """Return and forget the digests of files that no live stage has needed *since* then."""

    def known_files(self) -> frozenset[str]:
        """Return the digests of all files that a row names."""


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

    async def finish(self) -> Received:
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

    def reopen(self, received: Received) -> IncomingFile:
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


class StreamedDocument(Protocol):
    """A document of the index, decoded as it arrives."""

    @property
    def content_type(self) -> str:
        """The whole Content-Type header; empty if there is none."""

    @property
    def has_length(self) -> bool:
        """Whether the index announced how long the body is, so that a short one raises."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the decoded body in chunks of bounded size.

        Raise `UpstreamFailedError` if it cannot be decoded, or ends too early.
        """


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

    def stream(self, path: str, accept: str) -> AbstractAsyncContextManager[StreamedDocument]:
        """Open a document that is too long to be read whole.

        Raise `UpstreamFailedError` if the index does not answer 200.
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
