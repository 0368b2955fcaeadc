"""The upload side of a fake index: what it takes, and how long it takes to show it."""

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
from tests.support.index.oidc import TrustedPublishing
from tests.support.index.projects import ListedFile, Project, Projects, Release
from tests.support.ports.clock import FakeClock
from tests.support.uploads.faults import Fault, find_fault
from tests.support.uploads.forms import Form
from tests.support.uploads.rules import (
    EXPIRED,
    NO_IDENTITY,
    ONLY_TOKENS,
    Arrival,
    New,
    Refusal,
    Same,
    judge,
)

UPLOAD_TOKEN = "pypi-of-the-fake"
MOMENT = 0.01
FAILURE = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
Answer = Refusal | None
"""A no, or a yes, which PyPI has no words for."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How long pages lack a new file: for so many requests of them, and for so many seconds."""

    pages: int = 0
    seconds: float = 0


@dataclass(slots=True)
class Uploads:
    """What an index is told by its upload API; settings, and the history of it.

    *processing*: seconds that an accepted file takes. Before the first file of
    a release is through, all others of it fail, as on PyPI (fact 6). *lags* are
    by filename, *lag* is for the others. *faults*: the first that fits counts.
    """

    projects: Projects
    clock: Clock = field(default_factory=FakeClock)
    tokens: set[str] = field(default_factory=lambda: {UPLOAD_TOKEN})
    burned: set[str] = field(default_factory=set)
    processing: float = MOMENT
    lag: Lag = Lag()
    lags: dict[str, Lag] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    history: History = field(default_factory=History)
    trusted: TrustedPublishing = field(default_factory=TrustedPublishing)
    _hidden: dict[str, tuple[int, float]] = field(default_factory=dict)
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    def use(self, clock: Clock) -> None:
        """Go by a clock from now on."""
        self.clock = self.trusted.clock = clock

    def forget(self) -> None:
        """Start a new history."""
        self.history = History()
        self._hidden.clear()

    def fault_of(self, attempt: Attempt) -> Fault | None:
        """Return what is to go wrong with an attempt."""
        return find_fault(self.faults, attempt.filename, attempt.number)

    async def take(self, form: Form, authorization: str, attempt: Attempt) -> Answer:
        """Take an upload that is there as a whole, or say why not."""
        answer = self._refused(authorization) or await self._judged(form, authorization, attempt)
        if answer is not None:
            failed = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            attempt.outcome = Outcome.FAILED if failed else Outcome.REFUSED
        return answer

    def as_seen(self, project: Project | None) -> Project | None:
        """Return a project as pages show it: without what is too new for them."""
        if project is None:
            return None
        files = tuple(one for one in project.files if not self._is_hidden(one))
        return replace(project, files=files) if files or not project.files else None

    def page_was_asked(self, project: Project | None) -> None:
        """Note what a page shows, and that somebody waits for more."""
        self._look_at(project)
        for file in project.files if project else ():
            name = file.distribution.filename
            if name in self._hidden:
                pages, until = self._hidden[name]
                self._hidden[name] = (pages - 1, until)

    async def _judged(self, form: Form, authorization: str, attempt: Attempt) -> Answer:
        arrival = self._arrival(form, authorization)
        match judge(arrival):
            case Refusal() as refusal:
                return refusal
            case Same():
                attempt.outcome = Outcome.SAME
                return None
            case New():
                return await self._processed(arrival, attempt)

    async def _processed(self, arrival: Arrival, attempt: Attempt) -> Answer:
        """Accept a file, unless another one of a new release is just being accepted."""
        key = _release_in(arrival.form)
        if not arrival.release and key in self._under_way:
            return FAILURE
        with self._working_on(key):
            await asyncio.sleep(self.processing)
        if not isinstance(judge(arrival), New):
            return FAILURE
        self._accept(arrival)
        self.history.took(attempt)
        self._look_at(arrival.project)
        return None

    @contextmanager
    def _working_on(self, key: tuple[str, str]) -> Iterator[None]:
        """Let the others of a release know while its first file is being accepted."""
        self._under_way.add(key)
        try:
            yield
        finally:
            self._under_way.discard(key)

    def _accept(self, arrival: Arrival) -> None:
        """Put a file on the index; the release is what its first form said (facts 1 and 2)."""
        name, version = arrival.form.first("name"), arrival.form.first("version")
        fields = arrival.form.metadata
        described = Release(version, fields, fields.get("requires_python"))
        release = arrival.release[0].release if arrival.release else described
        project = replace(arrival.project or Project(name), display_name=name)
        file = ListedFile(arrival.file, release, arrival.now, {})
        lag = self.lags.get(arrival.file.filename, self.lag)
        self._hidden[arrival.file.filename] = (lag.pages, time.monotonic() + lag.seconds)
        self.projects.accept(project, file)

    def _arrival(self, form: Form, authorization: str) -> Arrival:
        is_trusted = self.trusted.knows(_basic(authorization)[1])
        return Arrival(form, self.projects, self.burned, self.clock.now(), is_trusted)

    def _refused(self, authorization: str) -> Answer:
        """Return why a credential does not count, if it does not."""
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

    def _look_at(self, project: Project | None) -> None:
        seen = self.as_seen(project)
        if seen is not None:
            self.history.saw(seen.name, _filenames(seen))


def _filenames(project: Project) -> Sequence[str]:
    return [one.distribution.filename for one in project.listed]


def _release_in(form: Form) -> tuple[str, str]:
    return canonicalize_name(form.first("name")), canonicalize_version(form.first("version"))


def _basic(authorization: str) -> tuple[str, str]:
    """Return the user and the password of a header; nothing for what is none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return "", encoded
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
