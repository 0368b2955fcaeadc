"""The upload API of a fake index: what it accepts, and when it lists it."""

import asyncio
import base64
import binascii
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from packaging.utils import canonicalize_name, canonicalize_version

from stageproxy.ports import Clock
from tests.support.index.history import Attempt, History, Outcome
from tests.support.index.oidc import FakeTrustedPublishing
from tests.support.index.projects import ListedFile, Project, Projects, Release
from tests.support.ports.clock import FakeClock
from tests.support.uploads.faults import Fault, find_fault
from tests.support.uploads.forms import Form
from tests.support.uploads.rules import (
    EXPIRED,
    NO_IDENTITY,
    ONLY_TOKENS,
    IncomingUpload,
    New,
    Refusal,
    Same,
    judge,
)

UPLOAD_TOKEN = "pypi-of-the-fake"
MOMENT = 0.01
FAILURE = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
Answer = Refusal | None
"""A refusal, or nothing for an acceptance."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How long pages lack a new file: for so many requests, and for so many seconds."""

    pages: int = 0
    seconds: float = 0


@dataclass(slots=True)
class FakeUploads:
    """The upload API of an index: its settings and its history.

    *halfway*: the seconds between both halves of a body. *processing*: those that an accepted
    file takes. Before the first file of a release is
    processed, all other uploads of it fail, as on PyPI. *lags* are by filename, *lag* is for the
    others. *faults*: the first that matches counts.
    """

    projects: Projects
    clock: Clock = field(default_factory=FakeClock)
    tokens: set[str] = field(default_factory=lambda: {UPLOAD_TOKEN})
    burned: set[str] = field(default_factory=set)
    halfway: float = 0
    processing: float = MOMENT
    lag: Lag = Lag()
    lags: dict[str, Lag] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    history: History = field(default_factory=History)
    trusted: FakeTrustedPublishing = field(default_factory=FakeTrustedPublishing)
    _hidden: dict[str, tuple[int, float]] = field(default_factory=dict)
    _in_progress: set[tuple[str, str]] = field(default_factory=set)

    def use(self, clock: Clock) -> None:
        """Use another clock from now on."""
        self.clock = self.trusted.clock = clock

    def forget(self) -> None:
        """Start a new history."""
        self.history = History()
        self._hidden.clear()

    def list_all(self) -> None:
        """Let pages have every file from now on."""
        self.lag = Lag()
        self._hidden.clear()

    def fault_of(self, attempt: Attempt) -> Fault | None:
        """Return the planned fault of an attempt."""
        return find_fault(self.faults, attempt.filename, attempt.number)

    async def accept(self, form: Form, authorization: str, attempt: Attempt) -> Answer:
        """Accept an upload that was read to its end, or return the refusal."""
        answer = self._refused(authorization) or await self._judged(form, authorization, attempt)
        if answer is not None:
            failed = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            attempt.outcome = Outcome.FAILED if failed else Outcome.REFUSED
        return answer

    def as_listed(self, project: Project | None) -> Project | None:
        """Return a project as pages list it, without files that are too new."""
        if project is None:
            return None
        files = tuple(one for one in project.files if not self._is_hidden(one))
        return replace(project, files=files) if files or not project.files else None

    def record_page(self, project: Project | None) -> None:
        """Record the view of a page, and count the request for files that are hidden."""
        self._record_view(project)
        for file in project.files if project else ():
            name = file.distribution.filename
            if name in self._hidden:
                pages, until = self._hidden[name]
                self._hidden[name] = (pages - 1, until)

    async def _judged(self, form: Form, authorization: str, attempt: Attempt) -> Answer:
        incoming = self._incoming(form, authorization)
        match judge(incoming):
            case Refusal() as refusal:
                return refusal
            case Same():
                attempt.outcome = Outcome.SAME
                return None
            case New():
                return await self._processed(incoming, attempt)

    async def _processed(self, incoming: IncomingUpload, attempt: Attempt) -> Answer:
        """Accept a file, unless another one of a new release is being processed."""
        key = _release_in(incoming.form)
        if not incoming.release and key in self._in_progress:
            return FAILURE
        with self._working_on(key):
            await asyncio.sleep(self.processing)
        if not isinstance(judge(incoming), New):
            return FAILURE
        self._accept(incoming)
        self.history.accept(attempt)
        self._record_view(incoming.project)
        return None

    @contextmanager
    def _working_on(self, key: tuple[str, str]) -> Iterator[None]:
        """Mark a release as being processed while the block runs."""
        self._in_progress.add(key)
        try:
            yield
        finally:
            self._in_progress.discard(key)

    def _accept(self, incoming: IncomingUpload) -> None:
        """Add a file to the index; its release is defined by the first form."""
        name, version = incoming.form.first("name"), incoming.form.first("version")
        fields = incoming.form.metadata
        described = Release(version, fields, fields.get("requires_python"))
        release = incoming.release[0].release if incoming.release else described
        project = replace(incoming.project or Project(name), display_name=name)
        file = ListedFile(incoming.file, release, incoming.now, {})
        lag = self.lags.get(incoming.file.filename, self.lag)
        self._hidden[incoming.file.filename] = (lag.pages, time.monotonic() + lag.seconds)
        self.projects.accept(project, file)

    def _incoming(self, form: Form, authorization: str) -> IncomingUpload:
        is_trusted = self.trusted.knows(_basic(authorization)[1])
        return IncomingUpload(form, self.projects, self.burned, self.clock.now(), is_trusted)

    def _refused(self, authorization: str) -> Answer:
        """Return the refusal of a credential, if it is refused."""
        user, token = _basic(authorization)
        if user not in {"", "__token__"}:
            return Refusal(HTTPStatus.FORBIDDEN, ONLY_TOKENS)
        if self.trusted.knows(token):
            is_over = self.trusted.is_expired(token)
            return Refusal(HTTPStatus.FORBIDDEN, EXPIRED) if is_over else None
        return None if token in self.tokens else Refusal(HTTPStatus.FORBIDDEN, NO_IDENTITY)

    def _is_hidden(self, file: ListedFile) -> bool:
        pages, until = self._hidden.get(file.distribution.filename, (0, 0.0))
        return pages > 0 or time.monotonic() < until

    def _record_view(self, project: Project | None) -> None:
        listed = self.as_listed(project)
        if listed is not None:
            self.history.add_view(listed.name, _filenames(listed))


def _filenames(project: Project) -> Sequence[str]:
    return [one.distribution.filename for one in project.listed]


def _release_in(form: Form) -> tuple[str, str]:
    return canonicalize_name(form.first("name")), canonicalize_version(form.first("version"))


def _basic(authorization: str) -> tuple[str, str]:
    """Return the user and the password of a header, empty for an invalid one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return "", encoded
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
