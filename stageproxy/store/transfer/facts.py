"""A catalogue with other facts of its installation, as it is stored in a new place."""

from collections.abc import Iterator, Mapping

from stageproxy.store.transfer.layout import Row, RowReader, Table, tables_by_name

_FACTS = "installation"


def facts_in(catalogue: RowReader) -> Mapping[str, str]:
    """Return the facts of an installation."""
    table = tables_by_name()[_FACTS]
    found = (dict(zip(table.columns, row, strict=True)) for row in catalogue.rows(table))
    return {str(row["name"]): str(row["value"]) for row in found}


class WithFacts:
    """The rows of a catalogue, with these facts; see `layout.RowReader`."""

    def __init__(self, catalogue: RowReader, facts: Mapping[str, str]) -> None:
        self._catalogue = catalogue
        self._facts = facts

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table, sorted by its primary key."""
        if table.name != _FACTS:
            yield from self._catalogue.rows(table)
            return
        for name in sorted(self._facts):
            row = {"name": name, "value": self._facts[name]}
            yield tuple(row[column] for column in table.columns)
