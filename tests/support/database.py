"""The database of a server, changed without the server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # pysqlite3 if installed

from stageproxy.catalogue import Rows
from stageproxy.store.rows.rows import SqlRows


@contextmanager
def connection_to(path: Path) -> Iterator[Any]:
    """Return a new connection to a database, outside of a transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def execute(path: Path, *statements: str, **values: object) -> None:
    """Run statements on a database, as an operator with a shell can."""
    with connection_to(path) as connection:
        for statement in statements:
            connection.execute(statement, values)


def pragma(rows: Rows, setting: str) -> Any:
    """Run a PRAGMA on the connection of a transaction, whose settings no other connection has."""
    assert isinstance(rows, SqlRows)
    return rows._connection.execute(f"PRAGMA {setting}", {}).fetchone()[0]  # noqa: SLF001
