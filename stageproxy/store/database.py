"""The SQLite database: one thread that writes, and a connection for reading."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.caching import LruCache
from stageproxy.catalogue import Rows
from stageproxy.core.errors import LockedDatabaseError, StorageError
from stageproxy.core.stage.stage import Stage
from stageproxy.store.migrations import NewerSchemaError, check_schema, migrate
from stageproxy.store.rows import SqliteRows
from stageproxy.store.sqlite_failures import FailureLog, meaning_of

log = logging.getLogger(__name__)

T = TypeVar("T")

Connection = Any
"""sqlite3's, or pysqlite3's: two types of one shape."""

_BUSY_TIMEOUT_MS = 10_000
_IMPATIENT_MS = 250
"""How long a transaction waits for a lock that the one before it did not get."""
_MOST_CACHED = 10_000
"""How many stages and artifacts the reading side caches, by the stage's revision."""
_FIRST_WITHOUT_WAL_BUG = (3, 51, 3)
_FIXED_EARLIER = {(3, 44): 6, (3, 50): 7}


def has_wal_bug(version: tuple[int, ...]) -> bool:
    """Return whether a version of SQLite can corrupt a WAL database with several connections.

    Fixed in 3.51.3, and in the 3.44 and 3.50 series from .6 and .7 on.
    """
    fixed_in = _FIXED_EARLIER.get((version[0], version[1]))
    if fixed_in is not None and version[2] >= fixed_in:
        return False
    return version < _FIRST_WITHOUT_WAL_BUG


def find_database_problem(path: Path) -> str | None:
    """Return why a server cannot use the database at a path, or `None`. Nothing is changed."""
    if not path.exists():
        return None
    try:
        connection = open_read_only(path)
        try:
            check_schema(Tables(connection, execute_plugins=False))
        finally:
            connection.close()
    except NewerSchemaError as error:
        return str(error)
    except sqlite3.Error as error:
        return f"{path} cannot be used: {error}."
    return None


def open_read_only(path: Path) -> Connection:
    """Open a connection that cannot change the database at a path."""
    return _connect(f"{path.absolute().as_uri()}?mode=ro")


class Database:
    """The catalogue in a SQLite file; see `catalogue.Catalogue`.

    One thread runs all transactions that write. Reading happens on the caller's
    thread, over a read-only connection: a query takes microseconds, handing it
    to a thread ten times that.
    """

    def __init__(
        self,
        path: Path,
        *,
        sqlite_version: tuple[int, ...] | None = None,
        busy_timeout_ms: int = _BUSY_TIMEOUT_MS,
    ) -> None:
        version = sqlite_version or sqlite3.sqlite_version_info
        self.is_alone = has_wal_bug(version)
        self._failures = FailureLog(path)
        self._busy_timeout_ms = busy_timeout_ms
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalogue")
        # SQLite gives the mode of this file to the files that it puts beside it.
        path.touch(mode=0o600)
        path.chmod(0o600)
        url = path.absolute().as_uri()
        self._writer = _connect(url, thread_safe=False)
        self._tables = Tables(self._writer, execute_plugins=False)
        try:
            self._set_up()
        except BaseException:
            self._writer.close()
            raise
        self._writer.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
        self._rows = SqliteRows(self._tables)
        self._reader = self._writer if self.is_alone else _connect(f"{url}?mode=ro")
        cache: LruCache[str, Stage] = LruCache(_MOST_CACHED, _weight)
        self._readable = SqliteRows(Tables(self._reader, execute_plugins=False), cache=cache)

    def _set_up(self) -> None:
        if self.is_alone:
            log.warning(
                "SQLite %s has a bug in its write-ahead log: using one connection, which is slow; "
                "install pysqlite3 or a newer SQLite",
                sqlite3.sqlite_version,
            )
            self._writer.execute("PRAGMA journal_mode = DELETE")
            self._writer.execute("PRAGMA synchronous = EXTRA")
        else:
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
        migrate(self._tables)

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in one transaction, alone."""
        return await self._on_thread(work)

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Run *work*, which changes nothing, on what is committed."""
        if self.is_alone:
            return await self._on_thread(work)
        # A transaction: a commit between two queries must not be visible.
        with self._transaction(self._reader, "BEGIN"):
            return work(self._readable)

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of the database library, by its name."""
        return {"sqlite": sqlite3.sqlite_version}

    async def check(self) -> str | None:
        """Return why the database cannot be written, if it cannot."""
        try:
            await self._on_thread(self._write_nothing)
        except StorageError as error:
            return error.sentence
        except sqlite3.Error as error:
            return f"cannot write to the database ({type(error).__name__})"
        return None

    def close(self) -> None:
        """Finish the running transaction and close the file."""
        self._thread.shutdown(wait=True)
        if self._reader is not self._writer:
            self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        """Return the open database."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.close()

    async def _on_thread(self, work: Callable[[Rows], T]) -> T:
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)
        # A transaction that has begun is finished even if its caller is cancelled.
        return await asyncio.shield(running)

    def _transact(self, work: Callable[[Rows], T]) -> T:
        # A plain BEGIN could not wait for the lock later: see docs/adr/0020.
        try:
            with self._transaction(self._writer, "BEGIN IMMEDIATE"):
                done = work(self._rows)
        except LockedDatabaseError:
            # Those that wait for this thread have waited for the lock, too.
            self._writer.execute(f"PRAGMA busy_timeout = {_IMPATIENT_MS}")
            raise
        self._writer.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
        self._failures.clear()
        return done

    def _write_nothing(self, rows: Rows) -> None:
        """Write the number that is there, so that the commit reaches the disk."""
        rows.stages.find("")
        [number] = self._writer.execute("PRAGMA user_version").fetchone()
        self._writer.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _transaction(self, connection: Connection, begin: str) -> Iterator[None]:
        """Run a block in a transaction. Raise what its failure means."""
        try:
            connection.execute(begin)
            yield
            connection.execute("COMMIT")
        except BaseException as error:
            _roll_back(connection)
            meaning = meaning_of(error, writing=connection is self._writer)
            if meaning is None:
                raise
            self._failures.add(meaning, error)
            raise meaning from error


def _weight(stage: Stage) -> int:
    return 1 + len(stage.artifacts) + len(stage.uploads)


def _connect(uri: str, *, thread_safe: bool = True) -> Connection:
    """Open a connection in autocommit mode, in which transactions are explicit."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=thread_safe)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _roll_back(connection: Connection) -> None:
    """Undo a transaction. SQLite has done so already after some failures."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
