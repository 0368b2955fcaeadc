"""What services need of the outside: files, the index, an upload client, a clock."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from packaging.utils import NormalizedName

from stageproxy.core.archives.filenames import DistributionName
from stageproxy.core.archives.reader import Contents
from stageproxy.core.care.sweep import UnneededFile
from stageproxy.core.identity.identities import Identity
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.other_pages import OtherPage
from stageproxy.core.index.pages import Document
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.index.staleness import Freshness, Outage
from stageproxy.core.promotion.journal import Entry, Journal
from stageproxy.core.promotion.replies import Reply
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.derived import DerivedName
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.rights import Credential
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.table import PlacedFinding
from stageproxy.core.rules.upload import Upload
from stageproxy.core.stage.dependencies import Wanted, Wishes
from stageproxy.core.stage.digests import FileDigests
from stageproxy.core.stage.stage import Artifact
from stageproxy.core.values import FormFields

T = TypeVar("T")


class IncomingFile(Protocol):
    """A file that is being received. It is deleted when its block ends, unless committed."""

    @property
    def size(self) -> int:
        """How many bytes were received."""

    async def write(self, chunk: bytes | memoryview) -> None:
        """Write the next bytes. The memory of *chunk* belongs to the file from then on."""

    async def finish(self, *, md5: bool = False) -> FileDigests:
        """Flush every byte to the disk, and return the size and digests, *md5* if wanted."""

    async def read_contents(self, name: DistributionName, asker: str) -> Contents:
        """Read the contents of the archive; *asker* as for an `Inspector`.

        It can be read while `finish` is running.
        """

    async def store(self) -> None:
        """Store the finished file where the store needs time or a network for it.

        Called before the transaction that names it. Raise `StorageError` if it cannot be stored.
        """

    def commit(self) -> None:
        """Make sure that the file is in its place under its digest, and stays there.

        Called within the transaction that names it, so that no sweep deletes it. A transaction
        can be run again: so can this.
        """


class DescriptionRenderer(Protocol):
    """Renders descriptions of releases where they can do no harm."""

    async def render(self, text: str, content_type: str, asker: str) -> str | None:
        """Return a description as the index renders it, as HTML that can do nothing.

        No image and nothing else in it asks another host. `None` if it does not render, is too
        long or takes too long. *asker*: see `Inspector`.
        """


class Inspector(DescriptionRenderer, Protocol):
    """Reads what uploaders sent where it can do no harm, within limits of time and memory.

    *asker*: whose turn it is, an API token's id or a project. Each has one turn at a time,
    and none waits for all the questions of another. Raise `NoTurnError` after a long wait.
    """

    async def read_contents(self, path: Path, name: DistributionName, asker: str) -> Contents:
        """Return the contents of the archive at *path*, or what is wrong with it."""

    async def findings(self, upload: Upload, asker: str) -> Sequence[PlacedFinding]:
        """Return what the rules find that need no index, and what they had no time for."""

    async def form_findings(self, form: FormFields, asker: str) -> Sequence[Finding]:
        """Return what the rules find that need only the form, in PyPI's order."""

    async def form_of(
        self, core_metadata: bytes, name: DistributionName, asker: str
    ) -> FormFields | None:
        """Return the form that twine would send, without digests; `None` if it takes too long."""

    async def attestations_in(self, text: str, asker: str) -> int:
        """Return the number of attestations in a form's field; 0 if they cannot be read."""

    async def wanted_of(self, wishes: Wishes, asker: str) -> Wanted | None:
        """Return the dependencies of a release that count; `None` if that takes too long."""


@dataclass(frozen=True, slots=True)
class ReviewedFile:
    """A wheel or an sdist on the disk, and its filename in the index."""

    path: Path
    filename: str


class ReviewInspector(Protocol):
    """Reads artifacts for a review, within limits of time and memory, as an `Inspector` does.

    Neither raises for what is in an archive: what could not be read is said in the answer.
    No question to an `Inspector` waits for these.
    """

    async def review(
        self, after: ReviewedFile, before: ReviewedFile | None, asker: str
    ) -> ArtifactReview:
        """Return what an artifact changes against its counterpart, if it has one."""

    async def parity(
        self, wheel: ReviewedFile, sdist: ReviewedFile, asker: str
    ) -> Sequence[ReviewFinding]:
        """Return how the files of a pure wheel differ from what the sdist holds."""


class DerivedResults(Protocol):
    """What was worked out of artifacts, by its name. Any of it may be gone at any time."""

    async def find(self, name: DerivedName, kind: type[T]) -> T | None:
        """Return a result of that *kind*, a dataclass; `None` if there is none that is valid."""

    async def add(self, name: DerivedName, value: object) -> None:
        """Store a result, unless there is no room for it."""

    def claimed(self, name: DerivedName) -> AbstractContextManager[bool]:
        """Claim the work on a result during the block; false if another process works on it."""

    def draft(self, size: int) -> AbstractContextManager[Path]:
        """Return where a file of *size* bytes may be written that the block needs.

        Raise `StorageError` unless there is room for it.
        """

    def list_unneeded(self, owners: Collection[str], before: datetime) -> Sequence[UnneededFile]:
        """Return the results whose owners are gone, and drafts that a crash left *before*."""

    def remove(self, unneeded: UnneededFile) -> None:
        """Delete a file of that list, if it exists."""


class BaselineDownloads(Protocol):
    """Downloads published files of the index, in bounded number."""

    async def fetch(self, url: str, path: Path, *, size: int) -> str:
        """Write the file at *url* to *path*, and return its SHA-256 in hex.

        Raise `StageproxyError` on failure, or if it has more than *size* bytes.
        """

    async def read(self, url: str, *, size: int) -> bytes:
        """Return the file at *url*, or its first *size* bytes if it has more."""


class NamedDigests(Protocol):
    """The digests that rows name, for those who delete files."""

    def __call__(self, work: Callable[[frozenset[str]], T], /) -> Awaitable[T]:
        """Run *work* with the digests, within a transaction that excludes uploads."""


@dataclass(frozen=True, slots=True)
class BytesOnDisk:
    """The bytes of a stored file, where the system can send them from."""

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class BytesElsewhere:
    """The bytes of a stored file that the server has to pass on.

    *read*: yields those from a position to before another one. It raises `StorageError` if they
    do not arrive, and `FileNotFoundError` if the file is gone.
    *sign*: returns a URL that opens the file for anybody, for a short time. It is a secret. `None`
    if clients do not read from the store themselves.
    """

    size: int
    read: Callable[[int, int], AsyncIterator[bytes]]
    sign: Callable[[], Awaitable[str]] | None = None


StoredBytes = BytesOnDisk | BytesElsewhere


class ArtifactFiles(Protocol):
    """The files of artifacts, by their SHA-256."""

    def receive(self, *, md5: bool = False) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file to receive bytes. *md5*: whether that digest will be wanted."""

    def check_room(self, size: int) -> None:
        """Raise `StorageError` unless a file of *size* bytes may be stored."""

    def reopen(self, received: FileDigests) -> IncomingFile:
        """Return a stored file as if it had just been received."""

    async def digests(self, sha256: str, algorithms: Mapping[str, int]) -> Mapping[str, str]:
        """Return digests of a stored file in hex, by hashlib's name of the algorithm.

        *algorithms*: names, each with the length of the digest in bytes where it is variable.
        """

    async def locate(self, sha256: str) -> StoredBytes | None:
        """Return where the bytes of a stored file are, or `None` if it is missing."""

    def on_disk(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        """Return a stored file as one on the disk, which exists while the block runs.

        Raise `FileNotFoundError` if it is missing, `OtherBytesError` if it has other bytes, unless
        whoever reads it has to find that out.
        """

    async def size(self, sha256: str) -> int | None:
        """Return the size of a stored file in bytes, as it is now, or `None` if it is missing."""

    async def list_orphans(self, known: frozenset[str], before: datetime) -> Sequence[UnneededFile]:
        """Return the files that are not *known* and that are older than *before*."""

    async def remove_orphans(
        self, named: NamedDigests, before: datetime, prefix: str = ""
    ) -> Sequence[UnneededFile]:
        """Delete the files that no row names and that are older than *before*; return them.

        *prefix*: only files whose digests begin with it, which then are all in *named*.
        """

    async def remove_unnamed(self, digests: Collection[str], named: NamedDigests) -> None:
        """Delete those of some files that exist and that no row names any more."""


class RunningFiles(ArtifactFiles, Protocol):
    """The store of files of a running server."""

    async def check(self) -> str | None:
        """Return why no file can be stored, if none can. One is written to find out."""

    async def installation(self) -> str:
        """Return the random id of the place of the files, the same for all servers."""


class UpstreamResponse(Protocol):
    """A response of upstream, as a stream."""

    @property
    def status(self) -> int:
        """The status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """All headers; names are case-insensitive."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body in pieces, as it was sent."""


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
    """The upstream index, for reading."""

    @property
    def site(self) -> str:
        """The URL of its `/` for people, without credentials."""

    @property
    def space(self) -> UrlSpace:
        """Its URLs, and the paths below a stage that stand for them."""

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return a whole document, or `None` if upstream has none at that path.

        *fresh*: not from the cache.
        """

    def open(
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Request a path, with its query, from upstream.

        *only_headers*: the body is not needed. The method is HEAD then, and GET if upstream
        answers HEAD with an error, as some servers do.
        """

    def stream(self, path: str, accept: str) -> AbstractAsyncContextManager[StreamedDocument]:
        """Open a document that is too long to be read whole.

        Raise `UpstreamFailedError` if the index does not answer 200.
        """

    def resolve(self, location: str, asked: str) -> Redirection:
        """Return the target of a redirect that upstream answered for the path *asked*."""


class PreviewedIndex(Index, Protocol):
    """The upstream index, with copies of its documents for the time in which it fails."""

    @property
    def outage(self) -> Outage | None:
        """The outage of upstream, if it fails now."""

    async def find_to_show(self, path: str, accept: str, freshness: Freshness) -> Document | None:
        """Return a document as `find` does, or a copy that is stale while upstream fails.

        Nothing is decided by a stale copy: verdicts and promotions use `find`.
        """

    def copied_at(self, path: str) -> datetime | None:
        """Return the time of the copy that is shown while upstream fails, if there is one."""


@dataclass(frozen=True, slots=True)
class AskedPage:
    """A page of another project as a client asks for it: its path, with the query, and headers."""

    path: str
    headers: Mapping[str, str]
    freshness: Freshness

    @property
    def is_part(self) -> bool:
        """Whether the client wants only a part of it."""
        return "Range" in self.headers


class OtherPages(Protocol):
    """Upstream's pages of other projects, as they were sent. Some are kept for a few seconds."""

    def find(self, asked: AskedPage) -> OtherPage | None:
        """Return a page that can be used without a request."""

    def open(self, asked: AskedPage) -> AbstractAsyncContextManager[OtherPage | UpstreamResponse]:
        """Request a page from upstream. A response that is no page is left to be streamed.

        Raise `StageproxyError` if the page does not arrive whole.
        """


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """One request to the upload API: the fields in order, then the file."""

    filename: str
    path: Path
    size: int
    sha256: str
    fields: FormFields


class UploadClient(Protocol):
    """Sends artifacts to the upload API of an index."""

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Send an artifact once, and return the reply.

        *report* is called with the number of bytes sent so far. Raise
        `DamagedArtifactError` if the file is not the one that was staged; then
        it was not sent completely.
        """


class Downloads(Protocol):
    """Downloads files of an index whose pages have no hashes."""

    async def sha256_of(self, url: str, *, size: int) -> str:
        """Return the SHA-256 in hex of the file at *url*. Raise `StageproxyError` on failure.

        A file with more than *size* bytes is not read further: the text says so then, and
        equals no digest.
        """


class PublishedFiles(Protocol):
    """The files that the index which confirms promotions lists now."""

    async def url_of(self, project: NormalizedName, filename: str) -> str | None:
        """Return the URL of a file, with its query, or `None` if it is not listed.

        Raise `StageproxyError` if the index cannot be read.
        """


class JournalStore(Protocol):
    """Stores the journal of one promotion, under one lease.

    Every call raises `LostLeaseError` once another holder has taken over.
    """

    async def entries(self) -> Journal:
        """Return the journal."""

    async def record(self, entries: Sequence[Entry]) -> None:
        """Store how far artifacts are."""

    async def renew(self) -> None:
        """Renew the lease, so that no other holder takes over."""

    async def succeed(self) -> None:
        """End the promotion: every artifact is confirmed, the stage is published."""

    async def fail(self, reason: str) -> None:
        """End the promotion with an error, and store the *reason*."""


class UploadRequests(Protocol):
    """Makes the upload request of each artifact."""

    def request_for(self, artifact: Artifact) -> AbstractAsyncContextManager[UploadRequest]:
        """Return the form and the file of an artifact, as they are sent.

        The file is on the disk while the block runs.
        """


class Credentials(Protocol):
    """Provides the credential to publish with. A short-lived one is minted again in time."""

    async def get(self) -> Credential:
        """Return the credential to publish with now."""


class IdentityVerifier(Protocol):
    """Verifies the identity tokens of CI jobs."""

    async def verify(self, token: str, issuers: Collection[str], audience: str) -> Identity:
        """Return the identity in a token that one of these *issuers* has signed.

        Raise `IdentityError` if it is not valid, or not for this *audience* alone, and
        `IssuerUnavailableError` if the issuer does not answer.
        """


class Clock(Protocol):
    """The clock."""

    def now(self) -> datetime:
        """Return the present time, in UTC; after a jump of the clock, the latest it may be."""

    def earliest(self) -> datetime:
        """Return the earliest time that it may be, in UTC.

        What is ended or deleted for good goes by this one: a clock may jump, and come back.
        """

    def notice(self) -> str | None:
        """Return the sentence for the operator if the clock has jumped."""
