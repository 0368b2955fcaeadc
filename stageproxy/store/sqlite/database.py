"""The SQLite database: one thread that writes, and a connection for reading."""

import asyncio
import logging
import os
from asyncio import Future
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.caching import LruCache
from stageproxy.catalogue import Rows
from stageproxy.core.errors import (
    FailedDatabaseError,
    LockedDatabaseError,
    StorageError,
)
from stageproxy.core.stage.stage import Stage
from stageproxy.store.disk import Disk
from stageproxy.store.rows.rows import SqlRows
from stageproxy.store.rows.stages import MOST_CACHED, weight_of
from stageproxy.store.sqlite.failures import (
    DatabaseFullError,
    FailureLog,
    meaning_of,
    opening_problem,
)
from stageproxy.store.sqlite.migration_copies import copy_before
from stageproxy.store.sqlite.migrations import check_schema, migrate
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError

log = logging.getLogger(__name__)

T = TypeVar("T")

Connection = Any
"""sqlite3's, or pysqlite3's: two types of one shape."""

_BUSY_TIMEOUT_MS = 10_000
_IMPATIENT_MS = 250
"""How long a transaction waits for a lock that the one before it did not get."""
_LARGEST_WAL = 64 * 2**20
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
        return opening_problem(path, error)
    return None


def open_read_only(path: Path) -> Connection:
    """Open a connection that cannot change the database at a path."""
    never_changes = "&immutable=1" if _is_at_rest_on_read_only_disk(path) else ""
    return connect(f"{path.absolute().as_uri()}?mode=ro{never_changes}")


def _is_at_rest_on_read_only_disk(path: Path) -> bool:
    """Return whether SQLite has to be assured that nobody changes the database.

    Otherwise it needs files beside it, which it could not create on a read-only disk.
    """
    if not path.exists() or path.with_name(f"{path.name}-wal").exists():
        return False
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def open_database(path: Path, disk: Disk, *, copy_before_migration: bool = False) -> "Database":
    """Return the checked database of a server. Raise `UnusableDatabaseError` if it has none.

    On a full disk, the reserve is given up for the files that SQLite puts beside it.
    """
    if path.is_dir():
        raise UnusableDatabaseError(f"{path} is a directory. Move it away.")
    while True:
        try:
            return _checked(Database(path, disk=disk, copy_before_migration=copy_before_migration))
        except (sqlite3.Error, OSError) as error:
            if not disk.is_full or not disk.give_up_reserve():
                raise UnusableDatabaseError(opening_problem(path, error)) from error


def _checked(database: "Database") -> "Database":
    try:
        database.check_pages()
    except BaseException:
        database.close()
        raise
    return database


class Database:
    """The catalogue in a SQLite file; see `catalogue.Catalogue`.

    One thread runs all transactions that write. Reading happens on the caller's
    thread, over a read-only connection: a query takes microseconds, handing it
    to a thread ten times that.
    """

    _lock: Callable[[], AbstractContextManager[object]] = nullcontext

    def __init__(
        self,
        path: Path,
        *,
        sqlite_version: tuple[int, ...] | None = None,
        busy_timeout_ms: int = _BUSY_TIMEOUT_MS,
        disk: Disk | None = None,
        largest_wal: int = _LARGEST_WAL,
        copy_before_migration: bool = False,
    ) -> None:
        version = sqlite_version or sqlite3.sqlite_version_info
        self.is_alone = has_wal_bug(version)
        self._path = path
        self._disk = disk or Disk(path.parent)
        self._failures = FailureLog(path)
        self._busy_timeout_ms = busy_timeout_ms
        self._largest_wal = largest_wal
        self._unknown_states = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalogue")
        # SQLite gives the mode of this file to the files that it puts beside it.
        path.touch(mode=0o600)
        path.chmod(0o600)
        url = path.absolute().as_uri()
        self._writer = connect(url, thread_safe=False)
        self._tables = Tables(self._writer, execute_plugins=False)
        try:
            self._set_up()
            migrate(
                self._tables,
                copy=partial(copy_before, self._tables, path) if copy_before_migration else None,
            )
        except BaseException:
            self._writer.close()
            raise
        self._writer.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
        self._rows = SqlRows(self._tables)
        self._reader = self._writer if self.is_alone else connect(f"{url}?mode=ro")
        cache: LruCache[str, Stage] = LruCache(MOST_CACHED, weight_of)
        self._readable = SqlRows(Tables(self._reader, execute_plugins=False), cache=cache)

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
            self._writer.execute(f"PRAGMA journal_size_limit = {self._largest_wal}")
        # On a full disk there is no room for temporary files either.
        self._writer.execute("PRAGMA temp_store = MEMORY")

    def share_writing(self, lock: Callable[[], AbstractContextManager[object]]) -> None:
        """Have each transaction that writes hold a *lock*, which other processes respect."""
        self._lock = lock

    def check_pages(self) -> None:
        """Raise if pages are damaged. Nobody else would notice before they are needed."""
        [found] = self._reader.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            damaged = sqlite3.DatabaseError(f"malformed: {found}")
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged

    async def write(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in one transaction, alone."""
        return await self._on_thread(work)

    async def write_aside(self, work: Callable[[Rows], T]) -> T:
        """Run *work* in one transaction: there is only one queue, which is short."""
        return await self.write(work)

    async def read(self, work: Callable[[Rows], T]) -> T:
        """Run *work*, which changes nothing, on what is committed."""
        if self.is_alone:
            return await self._on_thread(work)
        # A transaction: a commit between two queries must not be visible.
        with self._transaction(self._reader, "BEGIN"):
            return work(self._readable)

    def state(self) -> int:
        """Return a number that differs after every change that is committed, by any process.

        It differs each time while that cannot be known.
        """
        if not self.is_alone:
            with suppress(sqlite3.Error):
                [version] = self._reader.execute("PRAGMA data_version").fetchone()
                return int(version)
        self._unknown_states -= 1
        return self._unknown_states

    def ask_state(self) -> Future[int]:
        """Return the number that `state` returns."""
        known: Future[int] = asyncio.get_running_loop().create_future()
        known.set_result(self.state())
        return known

    @property
    def versions(self) -> Mapping[str, str]:
        """The version of the database library, by its name."""
        return {"sqlite": sqlite3.sqlite_version}

    @property
    def wal_bytes(self) -> int:
        """The size of the write-ahead log, which grows while a program reads for long."""
        try:
            return self._path.with_name(f"{self._path.name}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    async def shorten_log(self) -> None:
        """Move the write-ahead log into the database, and free its room, if it is long."""
        if self.wal_bytes <= self._largest_wal:
            return
        is_busy = await asyncio.get_running_loop().run_in_executor(self._thread, self._checkpoint)
        if is_busy:
            log.warning(
                "the write-ahead log of %s has %d MiB: another program has been reading the "
                "database for long. End it",
                self._path,
                self.wal_bytes // 2**20,
            )

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
            done = self._write_with_reserve(work)
        except LockedDatabaseError:
            # Those that wait for this thread have waited for the lock, too.
            self._writer.execute(f"PRAGMA busy_timeout = {_IMPATIENT_MS}")
            raise
        self._writer.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
        self._failures.clear()
        return done

    def _write_with_reserve(self, work: Callable[[Rows], T]) -> T:
        while True:
            try:
                return self._write(work)
            except DatabaseFullError:
                if not self._disk.give_up_reserve():
                    raise
                self._reuse_log()

    def _write(self, work: Callable[[Rows], T]) -> T:
        with self._lock(), self._transaction(self._writer, "BEGIN IMMEDIATE"):
            return work(self._rows)

    def _reuse_log(self) -> None:
        """Move the write-ahead log into the database if that fits, so that it begins anew.

        Its file stays as long as it is: whoever fills the disk does not get that room. If a
        program reads the database, the log goes on.
        """
        with suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _checkpoint(self) -> bool:
        """Return whether a reader is in the way. Nobody waits for it: all writes would, too."""
        self._writer.execute("PRAGMA busy_timeout = 0")
        try:
            [is_busy, *_] = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise meaning_of(error, writing=True) or error from error
        finally:
            self._writer.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
        return bool(is_busy)

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
            if isinstance(meaning, FailedDatabaseError) and self._disk.is_full:
                # SQLite finds no room for some of its files without naming the reason.
                meaning = DatabaseFullError()
            self._failures.add(meaning, error)
            if isinstance(meaning, FailedDatabaseError):
                self._disk.fail(error)
            raise meaning from error


def connect(uri: str, *, thread_safe: bool = True) -> Connection:
    """Open a connection to a database in autocommit mode, in which transactions are explicit."""
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
