"""The number of the catalogue's state, looked up on the event loop without threads."""

import asyncio
import time
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Callable
from datetime import timedelta

import psycopg
from psycopg import pq

from stageproxy.core.errors import FailedDatabaseError
from stageproxy.store.postgres.statements import Row

Connection = psycopg.Connection[Row]

_NAME = b"state"
_QUERY = b"SELECT number FROM catalogue_state"
_PAUSE_SECONDS = 0.05


class StateQuestions:
    """Asks PostgreSQL for the state, one question at a time, which all callers share.

    A question answers those who came before it was sent: what they learn includes whatever was
    stored before they asked, by any server.
    """

    def __init__(self, connect: Callable[[], Connection], timeout: timedelta) -> None:
        self._connect = connect
        self._timeout = timeout.total_seconds()
        self._line: _Line | None = None
        self._current: Task[int] | None = None
        self._next: Task[int] | None = None

    async def ask(self) -> int:
        """Return the number of the state. Raise `FailedDatabaseError` if nobody answers."""
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_task(self._ask_after(self._current))
        return await asyncio.shield(self._next)

    def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _ask_after(self, former: Task[int] | None) -> int:
        if former is not None and not former.done():
            await asyncio.wait([former])
        self._current, self._next = self._next, None
        end = time.monotonic() + self._timeout
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._ask_once()
            except (psycopg.Error, TimeoutError) as error:
                self.close()
                if time.monotonic() >= end:
                    raise FailedDatabaseError from error
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask_once(self) -> int:
        if self._line is None:
            connection = await asyncio.to_thread(self._connect)
            self._line = _Line(connection, asyncio.get_running_loop())
        return await self._line.ask()


class _Line:
    """A connection over which the question is asked, and its answer awaited."""

    def __init__(self, connection: Connection, loop: AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._pg = connection.pgconn
        self._pg.prepare(_NAME, _QUERY)
        self._pg.nonblocking = 1
        self._socket = self._pg.socket
        self._answer: Future[int] | None = None
        loop.add_reader(self._socket, self._receive)

    async def ask(self) -> int:
        self._answer = self._loop.create_future()
        self._pg.send_query_prepared(_NAME, None)
        self._pg.flush()
        return await self._answer

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._connection.close()

    def _receive(self) -> None:
        """Take what has arrived, and pass the answer on once it is complete."""
        try:
            self._pg.consume_input()
            if self._pg.is_busy():
                return
            found = self._results()
        except psycopg.Error as error:
            self._loop.remove_reader(self._socket)
            self._fail(error)
            return
        for number in found:
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(number)

    def _results(self) -> list[int]:
        numbers = []
        while (result := self._pg.get_result()) is not None:
            if result.status != pq.ExecStatus.TUPLES_OK:
                raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
            numbers.append(int(result.get_value(0, 0) or b"0"))
        return numbers

    def _fail(self, error: psycopg.Error) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
