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


class Fault(StrEnum):
    """A fault of an upload."""

    REFUSED = "refused"
    LOST = "unanswered, and not taken"
    TAKEN = "taken, and unanswered"
    BUSY = "429 with Retry-After"
    DAMAGED = "the file on the disk is another one"


@dataclass(slots=True)
class FakePublishTarget:
    """An index with its upload API; see `ports.Index`, `ports.Downloads`, `ports.UploadClient`.

    *faults*: by filename and number of the upload. *taken*: the SHA-256 of each accepted file and
    its time. *story*: each accepted file, with the files that were listed then. *signed*: links
    differ each time. *blind*: how many reads in a row fail. *limit*: the greatest number of
    uploads of a file, above which it is a bug. *slow*: uploads never end. *during*, *on_look*:
    run during an upload, and during a read.
    """

    clock: Clock
    lag: timedelta = timedelta()
    hashed: bool = True
    signed: bool = False
    faults: dict[tuple[str, int], Fault] = field(default_factory=dict)
    taken: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    story: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    running: set[str] = field(default_factory=set)
    together: list[frozenset[str]] = field(default_factory=list)
    used: list[Credential] = field(default_factory=list)
    blind: int = 0
    unread: int = 0
    looks: int = 0
    downloads: int = 0
    limit: int = 100
    slow: bool = False
    during: Callable[[str], None] = lambda _: None
    on_look: Callable[[], None] = lambda: None
    site: str = "https://index.example.org/"

    @property
    def shown(self) -> frozenset[str]:
        """Return the listed files."""
        now = self.clock.now()
        return frozenset(name for name, (_, at) in self.taken.items() if at + self.lag <= now)

    def put(self, filename: str, sha256: str) -> None:
        """Add a file that was not uploaded here."""
        self.taken[filename] = (sha256, self.clock.now() - self.lag)

    async def publish(
        self, upload_request: UploadRequest, credential: Credential, report: Callable[[int], None]
    ) -> Reply:
        """Accept a file, unless there is a fault."""
        name = upload_request.filename
        self.sent[name] += 1
        self.used.append(credential)
        assert self.sent[name] <= self.limit, f"{name} is sent again and again"
        self.running.add(name)
        assert self.taken or len(self.running) == 1, "two files at once make a release twice"
        self.together.append(frozenset(self.running))
        try:
            return await self._receive(
                upload_request, self.faults.get((name, self.sent[name])), report
            )
        finally:
            self.running.discard(name)

    async def find(self, path: str, accept: str, *, fresh: bool = False) -> Document | None:
        """Return the page of the project, as JSON for any Accept."""
        self.on_look()
        self.looks += 1
        assert (path, fresh, bool(accept)) == ("simple/demo/", True, True)
        if self.blind:
            self.blind -= 1
            raise UpstreamUnavailableError("The index cannot be reached.")
        files = [self._entry(name) for name in sorted(self.shown)]
        body = json.dumps({"meta": {"api-version": "1.4"}, "name": "demo", "files": files}).encode()
        return Document(body, digest_of(body), SimpleType.V1_JSON.value, f"{self.site}{path}")

    async def sha256_of(self, url: str) -> str:
        """Return the SHA-256 of the file at *url*."""
        if self.unread:
            self.unread -= 1
            raise UpstreamUnavailableError("A file of the index cannot be downloaded.")
        self.downloads += 1
        assert self.downloads <= self.limit, "files are downloaded again and again"
        return self.taken[url.partition("?")[0].rpartition("/")[2]][0]

    def open(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Raise: promotions stream nothing."""
        raise NotImplementedError

    def stream(self, path: str, accept: str) -> AbstractAsyncContextManager[StreamedDocument]:
        """Raise: promotions stream nothing."""
        raise NotImplementedError

    def resolve(self, location: str, asked: str) -> Redirection:
        """Raise: promotions follow no redirects."""
        raise NotImplementedError

    async def _receive(
        self, upload_request: UploadRequest, fault: Fault | None, report: Callable[[int], None]
    ) -> Reply:
        await asyncio.sleep(0)
        self.during(upload_request.filename)
        await asyncio.sleep(3600 if self.slow else 0)
        match fault:
            case Fault.DAMAGED:
                raise DamagedArtifactError(upload_request.filename)
            case Fault.REFUSED:
                return Refused(400, "The index has its reasons.")
            case Fault.LOST:
                return Unanswered("The connection broke off.")
            case Fault.BUSY:
                return Unanswered("The index is busy.", BUSY)
            case Fault.TAKEN:
                self._take(upload_request)
                await asyncio.sleep(0)
                return Unanswered("The connection broke off.")
            case None:
                report(upload_request.size)
                return self._take(upload_request)

    def _take(self, upload_request: UploadRequest) -> Reply:
        """Accept a file. The same file again is accepted, as on PyPI."""
        known = self.taken.get(upload_request.filename)
        if known is not None and known[0] != upload_request.sha256:
            return Refused(400, "File already exists.")
        if known is not None:
            self.again[upload_request.filename] += 1
            return Accepted("OK")
        self.taken[upload_request.filename] = (upload_request.sha256, self.clock.now())
        self.story.append((upload_request.filename, self.shown))
        return Accepted("OK")

    def _entry(self, filename: str) -> Mapping[str, object]:
        sha256, at = self.taken[filename]
        return {
            "filename": filename,
            "hashes": {"sha256": sha256} if self.hashed else {},
            "size": 1000,
            "upload-time": at.isoformat(),
            "url": f"{FILES}/{filename}{f'?signed={self.looks}' if self.signed else ''}",
        }


def fits_the_ports(fake_target: FakePublishTarget) -> tuple[Index, Downloads, UploadClient]:
    """Return the fake as its ports, which mypy checks."""
    return fake_target, fake_target, fake_target
