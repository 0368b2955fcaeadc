"""The rows of a catalogue in SQLite, to be copied to another catalogue or from one."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlite_utils import Database as Tables
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 where it is there

from stageproxy.store.files import flush_folder
from stageproxy.store.sqlite.database import Connection, connect, open_read_only
from stageproxy.store.sqlite.failures import opening_problem
from stageproxy.store.sqlite.migrations import check_schema, is_migrated, migrate
from stageproxy.store.transfer.layout import OF_SERVERS, Row, Table, tables
from stageproxy.store.unusable import NewerSchemaError, UnusableDatabaseError

_AT_ONCE = 1000


class SqliteTables:
    """All rows over one connection, within a transaction; see `transfer.copies.RowTarget`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table, sorted by its primary key."""
        cursor = self._connection.execute(table.selection)
        while page := cursor.fetchmany(_AT_ONCE):
            yield from map(tuple, page)

    def add(self, table: Table, rows: Iterator[Row]) -> None:
        """Store rows. Triggers count them."""
        places = ", ".join("?" for _ in table.columns)
        self._connection.executemany(
            f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})",  # noqa: S608 - names of the schema
            rows,
        )


@contextmanager
def reading(path: Path) -> Iterator[SqliteTables]:
    """Read a catalogue as it is at one moment. It may be in use."""
    with _explained(path), closing(open_read_only(path)) as connection:
        opened = Tables(connection, execute_plugins=False)
        check_schema(opened)
        if not is_migrated(opened):
            msg = (
                f"{path} was written by an older stageproxy. Start a server of this version with "
                "it once, or run `stageproxy sweep --dry-run` on it: both migrate it."
            )
            raise UnusableDatabaseError(msg)
        connection.execute("BEGIN")
        yield SqliteTables(connection)


@contextmanager
def making(path: Path, former: Path | None = None) -> Iterator[SqliteTables]:
    """Make a new catalogue, which is there if the block ends without an error.

    *former*: where the one goes that is at *path* now, and that no server uses.
    """
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        with _explained(draft), closing(connect(draft.absolute().as_uri())) as connection:
            migrate(Tables(connection, execute_plugins=False))
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteTables(connection)
            connection.execute("COMMIT")
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        if former is not None:
            _move_away(path, former)
        draft.replace(path)
        flush_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def find_filled(path: Path) -> tuple[str, ...]:
    """Return the names of the tables of a catalogue that have rows. Nothing is changed."""
    with _explained(path), closing(open_read_only(path)) as connection:
        present = Tables(connection, execute_plugins=False).table_names()
        return tuple(
            table.name
            for table in tables()
            if table.name in present
            and table.name not in OF_SERVERS
            and connection.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone()  # noqa: S608 - a name of the schema
        )


def _move_away(path: Path, former: Path) -> None:
    """Give a catalogue another name. Under its own there is one all the time."""
    with _explained(path), closing(connect(path.absolute().as_uri())) as connection:
        # Nothing of it may be in the log, which would be taken for that of the new one.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    former.hardlink_to(path)
    flush_folder(path.parent)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except NewerSchemaError as error:
        raise UnusableDatabaseError(str(error)) from error
    except sqlite3.Error as error:
        raise UnusableDatabaseError(opening_problem(path, error)) from error
