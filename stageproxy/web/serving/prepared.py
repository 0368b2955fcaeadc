"""Answers that are kept as bytes: a warm request needs one look-up.

An answer may be kept if its handler says how long it holds (`web/answers/lasting.py`). It is
sent again, without the application, to a request that does not differ in anything that the
application reads, while the catalogue is in the same state, and no copy of upstream's documents has
changed.
(docs/adr/0040-prepared-answers.md)
"""

import asyncio
import logging
from asyncio import Future
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_parser import RawRequestMessage

from stageproxy.caching import LruCache
from stageproxy.catalogue import RunningCatalogue
from stageproxy.core.errors import StorageError
from stageproxy.core.rights import redacted
from stageproxy.web.answers.lasting import LASTING, Lasting
from stageproxy.web.serving.prepared_bodies import LARGEST_IN_MEMORY, Body, FileBody, LargeBody

log = logging.getLogger(__name__)

_STAGES = "/tmp/"
_KEY_BYTES = 16
_OVERHEAD = 1024
"""The approximate size of an entry in bytes without its head and body."""
_KEPT_STATUSES = frozenset({HTTPStatus.OK, HTTPStatus.NOT_MODIFIED})
_DATE = f"{hdrs.DATE}: "
_VALUES = frozenset({b"accept", b"accept-encoding", b"if-none-match"})
"""The request headers whose values may change an answer that is kept."""
_BYPASSING = frozenset(
    {
        b"cache-control",
        b"connection",
        b"content-length",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"if-range",
        b"if-unmodified-since",
        b"pragma",
        b"range",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""The request headers that only the application understands."""
_KEEP_ALIVE = b"keep-alive"


State = tuple[int, int]
"""The state of the catalogue, and how often a copy of upstream's documents has changed."""


class Present(NamedTuple):
    """What answers that are kept depend on: the state of both sides, and the time."""

    state: State
    seconds: float
    now: datetime


AnswerPresent = Callable[[Present | None], None]
"""What is called with the present, `None` if it is not known."""


class PresentReader:
    """Reads the present, once in an iteration of the event loop.

    That is often enough: whatever is handled in the same iteration had arrived before it began,
    so that no change can have been acknowledged before it was sent.

    *changes*: how often a copy of upstream's documents has changed.
    """

    def __init__(
        self,
        catalogue: RunningCatalogue,
        changes: Callable[[], int],
        seconds: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._catalogue = catalogue
        self._changes = changes
        self._seconds = seconds
        self._now = now
        self._present: Present | None = None
        self._question: Future[int] | None = None
        self._waiting: list[AnswerPresent] = []

    def read(self) -> Present | None:
        """Return the present, `None` if the catalogue has to be asked for its state."""
        if self._present is None:
            number = self._catalogue.state()
            if number is None:
                return None
            self._present = self._present_with(number)
            asyncio.get_running_loop().call_soon(self._forget)
        return self._present

    def ask(self, answer: AnswerPresent) -> None:
        """Ask the catalogue for its state, and pass the present on, `None` if it does not answer.

        The question begins after this call, so that no change that was acknowledged before is
        missed. Requests that share a question are answered one after the other, at once: a future
        and an iteration of the event loop for each would cost as much as the question.
        """
        question = self._catalogue.ask_state()
        if question is not self._question:
            self._question, self._waiting = question, []
            question.add_done_callback(partial(self._answer, self._waiting))
        self._waiting.append(answer)

    def _answer(self, waiting: Sequence[AnswerPresent], question: Future[int]) -> None:
        failure = question.exception()
        present = None if failure else self._present_with(question.result())
        for answer in waiting:
            try:
                answer(present)
            except Exception:
                # The others wait as well.
                log.exception("a request could not be answered from a prepared answer")
        if failure is not None and not isinstance(failure, StorageError):
            raise failure

    def _present_with(self, number: int) -> Present:
        return Present((number, self._changes()), self._seconds(), self._now())

    def _forget(self) -> None:
        self._present = None


@dataclass(frozen=True, slots=True)
class PreparedAnswer:
    """The bytes of an answer but for its date, and the present in which they hold."""

    before_date: bytes = field(repr=False)
    after_date: bytes = field(repr=False)
    body: Body = field(repr=False)
    status: int
    log_path: str
    made: Present
    lasting: Lasting

    @property
    def size(self) -> int:
        """How many bytes are kept for it."""
        return _OVERHEAD + len(self.before_date) + len(self.after_date) + _size_of(self.body)

    def holds(self, present: Present) -> bool:
        """Return whether the application would give the same answer.

        Not if the clock has gone back: the stage may have changed by time alone before.
        """
        return (
            self.made.state == present.state
            and self.made.now <= present.now
            and present.seconds < self.lasting.fresh_until
            and (self.lasting.changes_at is None or present.now < self.lasting.changes_at)
        )

    def head(self) -> bytes:
        """Return the status line and the headers."""
        return b"%b%b%b" % (self.before_date, rfc822_formatted_time().encode(), self.after_date)


class PreparedAnswers:
    """The answers that are kept, by a digest of all that matters of their requests.

    A digest, since the paths contain stage tokens.
    """

    def __init__(self, present: PresentReader, max_size: int) -> None:
        self._present = present
        self._answers: LruCache[bytes, PreparedAnswer] = LruCache(max_size, lambda one: one.size)

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._answers.size

    @property
    def present(self) -> Present | None:
        """The present, `None` if it has to be asked for."""
        return self._present.read()

    def ask_present(self, answer: AnswerPresent) -> None:
        """Ask for the present, which is passed on, `None` if it is not known."""
        self._present.ask(answer)

    async def present_now(self) -> Present | None:
        """Return the present. An answer that is made after that is kept under it."""
        known: Future[Present | None] = asyncio.get_running_loop().create_future()

        def answer(present: Present | None) -> None:
            if not known.done():
                known.set_result(present)

        self._present.ask(answer)
        return await known

    def has(self, key: bytes) -> bool:
        """Return whether there is an answer in memory to requests with a key, whether it holds."""
        answer = self._answers.find(key)
        return answer is not None and isinstance(answer.body, bytes)

    def find(self, key: bytes, present: Present) -> PreparedAnswer | None:
        """Return the answer to requests with a key, if there is one that holds."""
        answer = self._answers.find(key)
        if answer is None or answer.holds(present):
            return answer
        self._answers.remove(key)
        return None

    def add(self, key: bytes, answer: PreparedAnswer) -> None:
        """Keep the answer to requests with a key, unless it is known not to hold."""
        present = self._present.read()
        if present is None or answer.holds(present):
            self._answers.add(key, answer)


def key_of(message: RawRequestMessage) -> bytes | None:
    """Return a digest of all that the answer to a request depends on.

    `None` if only the application can answer it. What is left out changes no answer that is
    kept: its handlers do not read it.
    """
    if message.method != hdrs.METH_GET or not message.path.startswith(_STAGES):
        return None
    if message.version != HttpVersion11 or message.should_close or message.upgrade:
        return None
    parts = [message.path.encode(errors="surrogateescape")]
    for name, value in message.raw_headers:
        lowered = name.lower()
        if lowered in _VALUES:
            parts += (lowered, value)
        elif lowered in _BYPASSING and (lowered, value) != (b"connection", _KEEP_ALIVE):
            return None
    # No part contains a line feed: the parser of requests refuses it.
    return blake2b(b"\n".join(parts), digest_size=_KEY_BYTES).digest()


def lasts(answer: web.StreamResponse) -> bool:
    """Return whether an answer can be kept."""
    return LASTING in answer and answer.status in _KEPT_STATUSES and _body_of(answer) is not None


def prepared_from(answer: web.StreamResponse, path: str, made: Present) -> PreparedAnswer | None:
    """Return an answer that `lasts`, and whose headers are complete, as bytes.

    `None` if it is the last one of its connection. *path*: that of its request. *made*: the
    present before it was made.
    """
    body = _body_of(answer)
    if body is None or not answer.keep_alive or hdrs.CONNECTION in answer.headers:
        return None
    before_date, after_date = _head_of(answer)
    return PreparedAnswer(
        before_date=before_date,
        after_date=after_date,
        body=body,
        status=answer.status,
        log_path=redacted(path.partition("?")[0]),
        made=made,
        lasting=answer[LASTING],
    )


def _body_of(answer: web.StreamResponse) -> Body | None:
    """Return the whole body of an answer, `None` if it is not known."""
    if isinstance(answer, web.FileResponse):
        return FileBody(answer._path, answer.content_length or 0)  # noqa: SLF001 - it is not public
    if not isinstance(answer, web.Response):
        return None
    content = b"" if answer.body is None else answer.body
    if not isinstance(content, bytes):
        return None
    return content if len(content) <= LARGEST_IN_MEMORY else LargeBody(content)


def _size_of(body: Body) -> int:
    return len(body) if isinstance(body, bytes) else body.size


def _head_of(answer: web.StreamResponse) -> tuple[bytes, bytes]:
    """Return the status line and the headers as they were sent, before and after the date."""
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    place = next(number for number, line in enumerate(lines) if line.startswith(_DATE))
    before = "\r\n".join([*lines[:place], _DATE])
    after = "\r\n".join(["", *lines[place + 1 :], "", ""])
    return before.encode(), after.encode()
