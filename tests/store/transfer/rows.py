"""Rows for every table of a catalogue, as a test fills them in."""

from collections.abc import Callable, Iterator, Mapping

from sqlite_utils import Database as Tables

from stageproxy.store.sqlite.migration_steps import STEPS
from stageproxy.store.transfer.layout import Row, Table, Value, tables

ROWS = 3
_CHOSEN: Mapping[str, Callable[[int], Value]] = {
    "stage_id": lambda number: f"id {number}",
    "filename": lambda number: f"filename {number}",
    "number": lambda number: number,
    "fence": lambda number: number,
    "stage.status": lambda number: ("open", "published", "canceled")[number - 1],
    "file_upload.status": lambda number: ("pending", "completed", "canceled")[number - 1],
    "artifact.kind": lambda number: ("bdist_wheel", "sdist", "bdist_wheel")[number - 1],
    "api_token.kind": lambda number: ("stgu", "stgm", "stga")[number - 1],
    "last_look.kind": lambda number: ("review", "dry-run", "page")[number - 1],
    "way": lambda number: ("server", "here", "server")[number - 1],
    "progress": lambda number: ("pending", "sent", "unknown")[number - 1],
    "sent": lambda number: number % 2,
    "in_doubt": lambda number: number % 2,
    "passed": lambda number: number % 2,
}
"""Values that conditions and references of the schema want, by column."""
_BY_TYPE: Mapping[str, Callable[[str, int], Value]] = {
    "TEXT": lambda column, number: f"{column} {number}",
    "INTEGER": lambda _, number: 10**12 + number,
    "REAL": lambda _, number: number / 7,
    "BLOB": lambda _, number: bytes(range(number, 256)),
}


def filler() -> Mapping[str, list[Row]]:
    """Return rows for each table; the last one has no value where it needs none."""
    with Tables(memory=True) as newest:
        STEPS.apply(newest)
        return {table.name: [*_rows_of(newest, table)] for table in tables()}


class FilledReader:
    """A catalogue with given rows; see `transfer.layout.RowReader`."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._rows = rows

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table."""
        yield from self._rows[table.name]


def _rows_of(newest: Tables, table: Table) -> Iterator[Row]:
    columns = newest.table(table.name).columns
    for number in range(1, ROWS + 1):
        yield tuple(
            None
            if number == ROWS and not (one.notnull or one.is_pk)
            else _value(table.name, one.name, one.type, number)
            for one in columns
        )


def _value(table: str, column: str, kind: str, number: int) -> Value:
    chosen = _CHOSEN.get(f"{table}.{column}", _CHOSEN.get(column))
    return _BY_TYPE[kind](column, number) if chosen is None else chosen(number)
