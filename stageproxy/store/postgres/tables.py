"""The rows of a catalogue in PostgreSQL, to be copied to another catalogue or from one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import tuple_row

from stageproxy.store.postgres.database import APPLICATION, QUEUE
from stageproxy.store.postgres.migrations import check_is_current, migrate
from stageproxy.store.postgres.problems import name_of, opening_problem
from stageproxy.store.sqlite.tables import making
from stageproxy.store.transfer.copies import copy_rows
from stageproxy.store.transfer.layout import COUNT_AGAIN, OF_SERVERS, Row, Table, tables
from stageproxy.store.transfer.sums import storable
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError

_OWN = "stageproxy copying"
_AT_ONCE = 1000
_PATIENCE = 10
_IN_USE = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %s
    )
"""


class PostgresTables:
    """All rows over one connection, within a transaction; see `transfer.copies.RowTarget`."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table, sorted by its primary key."""
        # A cursor of the server: the rows are never all in memory.
        with self._connection.cursor("rows", row_factory=tuple_row) as cursor:
            cursor.itersize = _AT_ONCE
            yield from cursor.execute(table.selection.encode())

    def add(self, table: Table, rows: Iterator[Row]) -> None:
        """Store rows, without the triggers that count one after the other."""
        columns = ", ".join(table.columns)
        self._connection.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER USER".encode())
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row([storable(value) for value in row])
        self._connection.execute(f"ALTER TABLE {table.name} ENABLE TRIGGER USER".encode())


@dataclass(frozen=True, slots=True)
class PostgresSource:
    """A catalogue of which snapshots are taken; see `backups.snapshot.SnapshotSource`."""

    url: str = field(repr=False)

    def copy(self, path: Path) -> None:
        """Copy the catalogue, which may be in use, to a new SQLite file."""
        path.unlink(missing_ok=True)
        with reading(self.url) as rows, making(path) as copy:
            copy_rows(rows, copy, _ignore)

    @contextmanager
    def writers_held(self) -> Iterator[None]:
        """Hold up whoever begins to change the catalogue, on any server."""
        with _connected(self.url) as connection, connection.transaction():
            connection.execute(QUEUE.encode())
            yield


def _ignore(_: int) -> None:
    """Watch nothing."""


@contextmanager
def reading(url: str) -> Iterator[PostgresTables]:
    """Read a catalogue as it is at one moment. It may be in use."""
    with _connected(url) as connection:
        check_is_current(connection)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield PostgresTables(connection)
        connection.execute("ROLLBACK")


@contextmanager
def filling(url: str) -> Iterator[PostgresTables]:
    """Fill an empty catalogue. It has the new rows if the block ends without an error.

    Raise `UnusableDatabaseError` if it is not empty.
    """
    with _connected(url) as connection:
        migrate(connection)
        with connection.transaction():
            # A server that is started meanwhile waits with its first change.
            connection.execute(QUEUE.encode())
            _require_empty(url, connection)
            yield PostgresTables(connection)
            for statement in COUNT_AGAIN:
                connection.execute(statement.encode())


def is_in_use(url: str) -> bool:
    """Return whether a server is connected to a database."""
    with _connected(url) as connection:
        return connection.execute(_IN_USE, [APPLICATION]).fetchone() == (True,)


def find_filled(url: str) -> tuple[str, ...]:
    """Return the names of the tables of a catalogue that have rows. Nothing is changed."""
    with _connected(url) as connection:
        return tuple(_filled(connection))


def _require_empty(url: str, connection: Connection[Any]) -> None:
    filled = [*_filled(connection)]
    if filled:
        msg = (
            f"The database {name_of(url)} is not empty: it has rows in {', '.join(filled)}. "
            "Nothing was changed. Name an empty one."
        )
        raise UnusableDatabaseError(msg)


def _filled(connection: Connection[Any]) -> Iterator[str]:
    for table in tables():
        if table.name in OF_SERVERS:
            continue
        exists = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table.name]).fetchone()
        if exists != (True,):
            continue
        query = f"SELECT EXISTS (SELECT FROM {table.name})"  # noqa: S608 - a name of the schema
        if connection.execute(query.encode()).fetchone() == (True,):
            yield table.name


@contextmanager
def _connected(url: str) -> Iterator[Connection[Any]]:
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=_PATIENCE, application_name=_OWN
        ) as connection:
            yield connection
    except NewerSchemaError as error:
        raise UnusableDatabaseError(str(error)) from error
    except psycopg.Error as error:
        raise UnusableDatabaseError(opening_problem(url, error)) from error
