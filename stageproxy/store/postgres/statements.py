"""Statements of the rows, as PostgreSQL takes them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from psycopg import Connection, Cursor

Row = dict[str, Any]

_PARAMETER = re.compile(r":([a-z_][a-z0-9_]*)")


class PostgresConnection:
    """A connection, in the form in which the rows use SQLite's; see `store.rows.columns`."""

    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Mapping[str, object]) -> Cursor[Row]:
        """Run a statement with its values by name, and return its rows as mappings."""
        sent = {name: _storable(value) for name, value in values.items()}
        return self._connection.execute(_spelled(sql), sent)


@lru_cache(maxsize=512)
def _spelled(sql: str) -> bytes:
    """Return a statement with its parameters spelled as psycopg wants them."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()


def _storable(value: object) -> object:
    """Return a value that PostgreSQL can store: its texts have no NUL."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value
