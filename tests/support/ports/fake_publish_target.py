"""An index in memory: its uploads, its pages, and its faults."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from stageproxy.core.errors import DamagedArtifactError, UpstreamUnavailableError
from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.redirects import Redirection
from stageproxy.core.promotion.replies import Accepted, Refused, Reply, Unanswered
from stageproxy.core.rights import Credential
from stageproxy.ports import (
    Clock,
    Downloads,
    Index,
    StreamedDocument,
    UploadClient,
    UploadRequest,
    UpstreamResponse,
)

FILES = "https://files.example.org/packages"
BUSY = timedelta(seconds=90)
"""The Retry-After of the index."""


class UploadFault(StrEnum):
    """A fault of an upload."""

    REFUSED = "refused"
    LOST = "not accepted and not answered"
    UNANSWERED = "accepted and not answered"
    BUSY = "429 with Retry-After"
    DAMAGED = "the stored file has other bytes"


@dataclass(slots=True)
class FakePublishTarget:
    """An index with its upload API; see `ports.Index`, `ports.Downloads`, `ports.UploadClient`.

    *faults*: by filename and number of the upload. *accepted*: the SHA-256 of
    each accepted file and its time. *acceptances*: each accepted file, with the
    files that were listed then. *has_signed_links*: links differ each time.
    *failing_reads*, *failing_downloads*: how many in a row fail. *limit*: the
    greatest number of uploads of a file, above which it is a bug. *is_readable*:
    whether pages are those of the index. *slow*:
    uploads never end. *gates*: what the uploads of a file wait for. *on_upload*, *on_read*: run
    during an upload, and during a read.
    """

    clock: Clock
    lag: timedelta = timedelta()
    has_hashes: bool = True
    has_signed_links: bool = False
    faults: dict[tuple[str, int], UploadFault] = field(default_factory=dict)
    accepted: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    acceptances: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    running: set[str] = field(default_factory=set)
    concurrent: list[frozenset[str]] = field(default_factory=list)
    used: list[Credential] = field(default_factory=list)
    failing_reads: int = 0
    failing_downloads: int = 0
    reads: int = 0
    downloads: int = 0
    limit: int = 100
    slow: bool = False
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    on_upload: Callable[[str], None] = lambda _: None
    on_read: Callable[[], None] = lambda: None
    site: str = "https://index.example.org/"
    is_readable: bool = True

    @property
    def listed(self) -> frozenset[str]:
        """Return the listed files."""
        now = self.clock.now()
        return frozenset(name for name, (_, at) in self.accepted.items() if at + self.lag <= now)

    def add(self, filename: str, sha256: str) -> None:
        """Add a file that was not uploaded here."""
        self.accepted[filename] = (sha256, self.clock.now() - self.lag)

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Accept a file, unless there is a fault."""
        name = upload_request.filename
        self.sent[name] += 1
        self.used.append(credential)
        assert self.sent[name] <= self.limit, f"{name} is sent again and again"
        self.running.add(name)
        assert self.accepted or len(self.running) == 1, "two files at once make a release twice"
        self.concurrent.append(frozenset(self.running))
        try:
            return await self._receive(
                upload_request, self.faults.get((name, self.sent[name])), report
            )
        finally:
            self.running.discard(name)

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return the page of the project, as JSON for any Accept."""
        self.on_read()
        self.reads += 1
        assert (path, fresh, bool(accept)) == ("simple/demo/", True, True)
        if self.failing_reads:
            self.failing_reads -= 1
            raise UpstreamUnavailableError("The index cannot be reached.")
        if not self.is_readable:
            body = b"<title>Log in</title>"
            return Document(body, digest_of(body), "text/html", f"{self.site}{path}")
        files = [self._entry(name) for name in sorted(self.listed)]
        body = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": files}).encode()
        return Document(body, digest_of(body), SimpleType.V1_JSON.value, f"{self.site}{path}")

    def break_page(self, _: str) -> None:
        """Answer with a page to log in from now on."""
        self.is_readable = False

    async def sha256_of(self, url: str, *, size: int) -> str:
        """Return the SHA-256 of the file at *url*, which has that *size*."""
        assert size > 0
        if self.failing_downloads:
            self.failing_downloads -= 1
            raise UpstreamUnavailableError("A file of the index cannot be downloaded.")
        self.downloads += 1
        assert self.downloads <= self.limit, "files are downloaded again and again"
        return self.accepted[url.partition("?")[0].rpartition("/")[2]][0]

    def open(
        self, path: str, headers: Mapping[str, str], *, only_headers: bool = False
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Raise: promotions stream nothing."""
        raise NotImplementedError

    def stream(self, path: str, accept: str) -> AbstractAsyncContextManager[StreamedDocument]:
        """Raise: promotions stream nothing."""
        raise NotImplementedError

    @property
    def space(self) -> UrlSpace:
        """Return the URLs of the index."""
        return UrlSpace(self.site, f"{self.site}simple/")

    def resolve(self, location: str, asked: str) -> Redirection:
        """Raise: promotions follow no redirects."""
        raise NotImplementedError

    async def _receive(
        self,
        upload_request: UploadRequest,
        fault: UploadFault | None,
        report: Callable[[int], None],
    ) -> Reply:
        await asyncio.sleep(0)
        self.on_upload(upload_request.filename)
        await asyncio.sleep(3600 if self.slow else 0)
        if upload_request.filename in self.gates:
            await self.gates[upload_request.filename].wait()
        match fault:
            case UploadFault.DAMAGED:
                raise DamagedArtifactError(upload_request.filename)
            case UploadFault.REFUSED:
                return Refused(400, "The index has its reasons.")
            case UploadFault.LOST:
                return Unanswered("The connection broke off.")
            case UploadFault.BUSY:
                return Unanswered("The index is busy.", BUSY)
            case UploadFault.UNANSWERED:
                self._accept(upload_request)
                await asyncio.sleep(0)
                return Unanswered("The connection broke off.")
            case None:
                report(upload_request.size)
                return self._accept(upload_request)

    def _accept(self, upload_request: UploadRequest) -> Reply:
        """Accept a file. The same file again is accepted, as on PyPI."""
        known = self.accepted.get(upload_request.filename)
        if known is not None and known[0] != upload_request.sha256:
            return Refused(400, "File already exists.")
        if known is not None:
            self.repeated[upload_request.filename] += 1
            return Accepted("OK")
        self.accepted[upload_request.filename] = (upload_request.sha256, self.clock.now())
        self.acceptances.append((upload_request.filename, self.listed))
        return Accepted("OK")

    def _entry(self, filename: str) -> Mapping[str, object]:
        sha256, at = self.accepted[filename]
        return {
            "filename": filename,
            "hashes": {"sha256": sha256} if self.has_hashes else {},
            "size": 1000,
            "upload-time": at.isoformat(),
            "url": f"{FILES}/{filename}{f'?signed={self.reads}' if self.has_signed_links else ''}",
        }


def fits_the_ports(fake_target: FakePublishTarget) -> tuple[Index, Downloads, UploadClient]:
    """Return the fake as its ports, which mypy checks."""
    return fake_target, fake_target, fake_target
