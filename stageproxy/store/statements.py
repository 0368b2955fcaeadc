"""Statements on a connection."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database as Tables


class Statements:
    """Runs statements; the base of all rows."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def _one(self, sql: str, **values: object) -> Mapping[str, Any] | None:
        row: Mapping[str, Any] | None = self._tables.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, **values: object) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Mapping[str, Any]] = self._tables.execute(sql, values).fetchall()
        return rows

    def _run(self, sql: str, **values: object) -> None:
        self._tables.execute(sql, values)

    def _upsert(self, table: str, row: Mapping[str, object], key: str | tuple[str, ...]) -> None:
        self._tables.table(table).upsert(dict(row), pk=key)
