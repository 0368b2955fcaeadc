"""The tables of a catalogue whose rows are copied, as SQLite's schema has them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlite_utils import Database as Tables

from stageproxy.store.sqlite.migration_steps import STEPS

Value = str | int | float | bytes | None
Row = Sequence[Value]
"""The values of a row, in the order of the columns of its table."""

_TOTALS = "total"
OF_SERVERS = frozenset({"installation", "lease", "rate"})
"""The tables in which servers note what concerns only themselves, from their start on."""
COUNT_AGAIN = (
    """
    UPDATE total SET number = (SELECT count(*) FROM stage WHERE stage.status = total.kind)
    WHERE kind IN ('open', 'processing', 'published', 'error', 'canceled')
    """,
    "UPDATE total SET number = (SELECT count(*) FROM stored_file) WHERE kind = 'files'",
    """
    UPDATE total SET number = (SELECT coalesce(sum(size), 0) FROM stored_file)
    WHERE kind = 'file bytes'
    """,
    """
    UPDATE total SET number = (SELECT coalesce(sum(form_size), 0) FROM artifact)
    WHERE kind = 'form bytes'
    """,
)
"""What triggers count otherwise, in the SQL of both databases."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its columns, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def selection(self) -> str:
        """The query of all rows. Both databases compare texts by bytes."""
        return (
            f"SELECT {', '.join(self.columns)} FROM {self.name} "  # noqa: S608 - names of the schema
            f"ORDER BY {', '.join(self.key)}"
        )


class RowReader(Protocol):
    """A catalogue whose rows are copied, as it is at one moment."""

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table, sorted by its primary key."""


class RowWriter(Protocol):
    """An empty catalogue that rows are copied to."""

    def add(self, table: Table, rows: Iterator[Row]) -> None:
        """Store rows, whose order is that of the primary key."""


def tables() -> tuple[Table, ...]:
    """Return the tables whose rows are copied; each refers only to those before it."""
    with Tables(memory=True) as newest:
        STEPS.apply(newest)
        made = newest.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name != ? "
            "AND name NOT LIKE '%sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
            [_TOTALS],
        ).fetchall()
        return tuple(_table(newest, name) for (name,) in made)


def tables_by_name() -> Mapping[str, Table]:
    """Return the tables whose rows are copied, by name."""
    return {table.name: table for table in tables()}


def _table(newest: Tables, name: str) -> Table:
    columns = newest.table(name).columns
    keys = sorted((one.is_pk, one.name) for one in columns if one.is_pk)
    return Table(name, tuple(one.name for one in columns), tuple(name for _, name in keys))
