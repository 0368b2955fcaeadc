"""The PostgreSQL database, which several servers can share."""

import asyncio
import logging
import time
from asyncio import Future
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from secrets import token_hex
from threading import Lock
from typing import Any, Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from stageproxy.caching import LruCache
from stageproxy.catalogue import Rows
from stageproxy.core.errors import FailedDatabaseError, LockedDatabaseError, StorageError
from stageproxy.core.stage.stage import Stage
from stageproxy.store.postgres.failures import AGAIN, is_lost, meaning_of
from stageproxy.store.postgres.migrations import migrate
from stageproxy.store.postgres.problems import check_encoding, opening_problem
from stageproxy.store.postgres.rows import PostgresRows
from stageproxy.store.postgres.state import StateQuestions
from stageproxy.store.postgres.statements import PostgresConnection, Row
from stageproxy.store.rows.stages import MOST_CACHED, weight_of
from stageproxy.store.unusable import UnusableDatabaseError

log = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT = timedelta(seconds=10)
APPLICATION = "stageproxy"
"""How the connections of servers are named in `pg_stat_activity`."""
_PAUSE = 0.05
"""How many seconds until a lost database is tried again."""

_BEGIN_WRITING = "BEGIN ISOLATION LEVEL SERIALIZABLE"
_BEGIN_ASIDE = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The first statement: it takes no snapshot, so that the transaction sees what was committed by
# the one that it has waited for.
QUEUE = "LOCK TABLE catalogue_lock IN EXCLUSIVE MODE"
_RAISE_STATE = """
    UPDATE catalogue_state SET number = number + 1
    WHERE pg_current_xact_id_if_assigned() IS NOT NULL
"""
_MARK = """
    INSERT INTO last_change (writer, mark) VALUES (%(writer)s, %(mark)s)
    ON CONFLICT (writer) DO UPDATE SET mark = excluded.mark, changed_at = now()
"""
_FIND_MARK = "SELECT FROM last_change WHERE writer = %(writer)s AND mark = %(mark)s"
_FORGET_MARKS = "DELETE FROM last_change WHERE changed_at < now() - interval '1 day'"


class _LostError(Exception):
    """The connection was lost before the transaction was to be committed: nothing is stored."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    """How long a call goes on, in seconds of the monotonic clock."""

    end: float

    @classmethod
    def after(cls, timeout: timedelta) -> Self:
        return cls(time.monotonic() + timeout.total_seconds())

    @property
    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())


class PostgresDatabase:
    """The catalogue in a PostgreSQL database; see `catalogue.Catalogue`.

    Transactions that write queue up for one lock, whichever server they come from. In one process
    one thread runs them, and others run those that read, which never wait for a lock.

    *max_connections*: at least 3. *timeout*: how long a transaction is attempted.
    """

    def __init__(
        self, url: str, *, max_connections: int = 10, timeout: timedelta = TIMEOUT
    ) -> None:
        self._id = token_hex(8)
        self._timeout = timeout
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="catalogue-writing")
        self._reading = ThreadPoolExecutor(max_connections - 2, thread_name_prefix="catalogue")
        options = _connection_options(timeout)
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            url,
            min_size=1,
            # One connection is for the questions for the state.
            max_size=max_connections - 1,
            timeout=timeout.total_seconds(),
            open=False,
            kwargs=options,
        )
        self._questions = StateQuestions(partial(_connect, url, options), timeout)
        self._cache = _SharedCache()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                check_encoding(url, connection)
                migrate(connection)
                connection.execute(_FORGET_MARKS)
                self._version = connection.info.parameter_status("server_version") or ""
        except psycopg.Error as error:
            self._end_threads()
            raise UnusableDatabaseError(opening_problem(url, error)) from error
        self._pool.open()

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in one transaction, alone. It is run again if it has to be, as a whole."""
        return await self._write_repeatedly(partial(self._write, work))

    async def write_aside(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in a transaction beside others, which locks only the rows that it changes."""
        attempt = partial(self._write_aside, work)
        return await _on_thread(self._reading, partial(self._repeated, attempt))

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Run *work*, which changes nothing, on what is committed."""
        attempt = partial(self._read, work)
        return await _on_thread(self._reading, partial(self._repeated, attempt))

    def state(self) -> int | None:
        """Return that the state is not known: another server may have changed it just now."""
        return None

    def ask_state(self) -> Future[int]:
        """Return the number of the state after everything that was committed before the call."""
        return self._questions.ask()

    async def check(self) -> str | None:
        """Return why the database cannot be written, if it cannot."""
        try:
            await self._write_repeatedly(self._write_mark)
        except StorageError as error:
            return error.sentence
        return None

    @property
    def wal_bytes(self) -> int:
        """Nothing: PostgreSQL looks after its log."""
        return 0

    async def shorten_log(self) -> None:
        """Do nothing: PostgreSQL looks after its log."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of the database server, by its name."""
        return {"postgresql": self._version}

    def close(self) -> None:
        """Finish the running transactions, and close the connections."""
        self._end_threads()
        self._questions.close()
        self._pool.close()

    def __enter__(self) -> Self:
        """Return the open database."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.close()

    def _end_threads(self) -> None:
        self._writing.shutdown(wait=True)
        self._reading.shutdown(wait=True)

    async def _write_repeatedly(self, attempt: Callable[[_Deadline], T]) -> T:
        return await _on_thread(self._writing, partial(self._repeated, attempt))

    def _repeated(self, attempt: Callable[[_Deadline], T]) -> T:
        """Attempt a transaction until it is stored, or its time is over."""
        deadline = _Deadline.after(self._timeout)
        while True:
            try:
                return attempt(deadline)
            except (_LostError, PoolTimeout, *AGAIN) as error:
                if not deadline.left:
                    log.error("the database cannot be used: %s", error.__cause__ or error)  # noqa: TRY400 - known
                    raise FailedDatabaseError from error
                if isinstance(error, _LostError):
                    time.sleep(min(_PAUSE, deadline.left))

    def _write(self, work: Callable[[Rows], T], deadline: _Deadline) -> T:
        with self._transaction(_BEGIN_WRITING, deadline) as connection:
            connection.execute(QUEUE)
            result = work(PostgresRows(PostgresConnection(connection)))
            if connection.execute(_RAISE_STATE).rowcount:
                self._commit(connection, deadline)
        return result

    def _write_aside(self, work: Callable[[Rows], T], deadline: _Deadline) -> T:
        with self._transaction(_BEGIN_ASIDE, deadline) as connection:
            result = work(PostgresRows(PostgresConnection(connection)))
            connection.commit()
        return result

    def _write_mark(self, deadline: _Deadline) -> None:
        """Write, so that a failure shows, and change nothing that answers depend on."""
        with self._transaction(_BEGIN_WRITING, deadline) as connection:
            connection.execute(QUEUE)
            self._commit(connection, deadline)

    def _read(self, work: Callable[[Rows], T], deadline: _Deadline) -> T:
        with self._transaction(_BEGIN_READING, deadline) as connection:
            return work(PostgresRows(PostgresConnection(connection), cache=self._cache))

    @contextmanager
    def _transaction(self, begin: str, deadline: _Deadline) -> Iterator[Connection[Row]]:
        """Run a block in a transaction, which is rolled back unless the block commits it."""
        with self._pool.connection(deadline.left) as connection:
            try:
                connection.execute(begin.encode())
                yield connection
            except psycopg.Error as error:
                if is_lost(error, connection):
                    raise _LostError from error
                if isinstance(error, AGAIN):
                    raise
                meaning = meaning_of(error)
                if meaning is None:
                    raise
                raise meaning from error
            finally:
                with suppress(psycopg.Error):
                    connection.rollback()

    def _commit(self, connection: Connection[Row], deadline: _Deadline) -> None:
        """Commit a transaction. If the connection is lost, find out whether that was done."""
        # One thread writes: it makes no other change before it knows of this one.
        change = {"writer": self._id, "mark": token_hex(8)}
        connection.execute(_MARK, change)
        try:
            connection.commit()
        except psycopg.OperationalError as error:
            if not is_lost(error, connection):
                raise
            if not self._is_committed(change, deadline):
                raise _LostError from error

    def _is_committed(self, change: dict[str, str], deadline: _Deadline) -> bool:
        """Return whether a change was committed, as soon as the database can be asked.

        Its transaction has ended when the lock is free. The number of a transaction would not
        show it: after a crash of PostgreSQL, another one may have the same.
        """
        while deadline.left:
            with suppress(_LostError, LockedDatabaseError, PoolTimeout):
                return self._is_marked(change, deadline)
            time.sleep(min(_PAUSE, deadline.left))
        log.error("whether a change was stored is not known: the database does not answer")
        raise FailedDatabaseError

    def _is_marked(self, change: dict[str, str], deadline: _Deadline) -> bool:
        with self._transaction(_BEGIN_WRITING, deadline) as connection:
            connection.execute(QUEUE)
            return connection.execute(_FIND_MARK, change).rowcount == 1


def _connection_options(timeout: timedelta) -> dict[str, Any]:
    milliseconds = int(timeout.total_seconds() * 1000)
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "application_name": APPLICATION,
        "connect_timeout": max(2, int(timeout.total_seconds())),
        "options": f"-c lock_timeout={milliseconds} -c timezone=UTC",
    }


def _connect(url: str, options: dict[str, Any]) -> Connection[Row]:
    return psycopg.connect(url, **options)


async def _on_thread(threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    running = asyncio.get_running_loop().run_in_executor(threads, call)
    # A transaction that has begun is finished even if its caller is cancelled.
    return await asyncio.shield(running)


class _SharedCache(LruCache[str, Stage]):
    """Stages by id, for the threads that read."""

    def __init__(self) -> None:
        super().__init__(MOST_CACHED, weight_of)
        self._lock = Lock()

    def find(self, key: str) -> Stage | None:
        """Return a stage, if it is cached."""
        with self._lock:
            return super().find(key)

    def add(self, key: str, value: Stage) -> None:
        """Cache a stage."""
        with self._lock:
            super().add(key, value)
