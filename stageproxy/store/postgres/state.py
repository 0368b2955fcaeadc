"""The number of the catalogue's state, looked up on the event loop without threads."""

import asyncio
import time
from asyncio import AbstractEventLoop, Future, Task, TimerHandle
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from math import inf

import psycopg
from psycopg import pq

from stageproxy.core.errors import FailedDatabaseError
from stageproxy.store.postgres.statements import Row

Connection = psycopg.Connection[Row]

_NAME = b"state"
_QUERY = b"SELECT number FROM catalogue_state"
_PAUSE_SECONDS = 0.05
_ITERATIONS = 4
"""After so many iterations of the event loop since an answer, the next question is sent.

Clients that waited for the answer have been answered by then, and have sent their next requests,
which share the question. To ask is what costs: under load this halves the number of questions.
"""


class StateQuestions:
    """Asks PostgreSQL for the state, one question at a time, which all callers share.

    A question answers those who came before it was sent: what they learn includes whatever was
    stored before they asked, by any server.

    It costs each request of a page, so there are no tasks: only futures and callbacks.
    """

    def __init__(self, connect: Callable[[], Connection], timeout: timedelta) -> None:
        self._connect = connect
        self._timeout = timeout.total_seconds()
        self._line: _Line | None = None
        self._current: Future[int] | None = None
        self._next: Future[int] | None = None
        self._recovery: Task[None] | None = None
        self._until = 0.0
        self._is_closed = False

    def ask(self) -> Future[int]:
        """Return the number of the state, `FailedDatabaseError` if nobody answers.

        The future is shared: do not cancel it.
        """
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            if self._current is None:
                # Whoever asks in the same iteration of the event loop shares the question.
                loop.call_soon(self._send)
        return self._next

    def close(self) -> None:
        """Close the connection."""
        self._is_closed = True
        if self._line is not None:
            self._line.close()
            self._line = None

    def _send(self) -> None:
        self._current, self._next = self._next, None
        if self._current is None:
            return
        self._until = time.monotonic() + self._timeout
        if self._line is None:
            self._recover()
        else:
            self._line.ask(self._timeout)

    def _answer(self, number: int) -> None:
        if self._current is not None and not self._current.done():
            self._current.set_result(number)
        self._send_after(_ITERATIONS)

    def _send_after(self, iterations: int) -> None:
        if iterations:
            asyncio.get_running_loop().call_soon(self._send_after, iterations - 1)
        else:
            self._send()

    def _recover(self) -> None:
        """Connect again, and ask again until there is an answer, or the time is over."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._current is None or (self._recovery is not None and not self._recovery.done()):
            return
        self._recovery = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        loop = asyncio.get_running_loop()
        while (left := self._until - time.monotonic()) > 0:
            with suppress(psycopg.Error):
                connection = await asyncio.to_thread(self._connect)
                if self._is_closed:
                    connection.close()
                    break
                self._line = _Line(connection, loop, self._answer, self._recover)
                self._line.ask(left)
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        if self._current is not None and not self._current.done():
            self._current.set_exception(FailedDatabaseError())
        self._send()


class _Line:
    """A connection over which the question is asked. It fails once, and then is of no use."""

    def __init__(
        self,
        connection: Connection,
        loop: AbstractEventLoop,
        answered: Callable[[int], None],
        failed: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._answered = answered
        self._failed = failed
        self._pg = connection.pgconn
        try:
            self._pg.prepare(_NAME, _QUERY)
        except psycopg.Error:
            connection.close()
            raise
        self._pg.nonblocking = 1
        self._socket = self._pg.socket
        self._deadline = inf
        self._watch: TimerHandle | None = None
        self._has_failed = False
        loop.add_reader(self._socket, self._receive)

    def ask(self, timeout: float) -> None:
        self._deadline = self._loop.time() + timeout
        if self._watch is None:
            self._watch = self._loop.call_at(self._deadline, self._end_watch)
        try:
            self._pg.send_query_prepared(_NAME, None)
            self._pg.flush()
        except psycopg.Error:
            self._fail()

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._connection.close()

    def _receive(self) -> None:
        """Take what has arrived, and pass the answer on once it is complete."""
        try:
            self._pg.consume_input()
            if self._pg.is_busy():
                return
            numbers = self._results()
        except psycopg.Error:
            self._fail()
            return
        if numbers and not self._has_failed:
            self._deadline = inf
            self._answered(numbers[-1])

    def _results(self) -> list[int]:
        numbers = []
        while (result := self._pg.get_result()) is not None:
            if result.status != pq.ExecStatus.TUPLES_OK:
                raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
            numbers.append(int(result.get_value(0, 0) or b"0"))
        return numbers

    def _end_watch(self) -> None:
        """Fail if an answer is late. One timer is for all questions of its time."""
        self._watch = None
        if self._deadline <= self._loop.time():
            self._fail()
        elif self._deadline < inf:
            self._watch = self._loop.call_at(self._deadline, self._end_watch)

    def _fail(self) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._loop.remove_reader(self._socket)
            self._loop.call_soon(self._failed)
