"""Results of clients, as tables of the documentation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.servers.processes import ROOT

PAGE = ROOT / "docs" / "how-to" / "clients.md"
"""The page with the tables, each between `<!-- matrix: NAME -->` and `<!-- end -->`."""

YES = "✓"
VERSION = "version"
"""The row that differs between machines: displayed, but not compared."""

_BLOCK = r"(<!-- matrix: {} -->\n)(.*?)(<!-- end -->)"

Cells = Mapping[tuple[str, str], str]
"""Outcomes by row and column."""


@dataclass(frozen=True, slots=True)
class ClientMatrix:
    """The results of a run: for each table, outcomes by row (a case) and column (a client)."""

    tables: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)

    def note(self, table: str, row: str, column: str, outcome: str = YES) -> None:
        """Add an outcome; a case cannot have two."""
        cells = self.tables.setdefault(table, {})
        first = cells.setdefault((row, column), outcome)
        assert first == outcome, f"{table}, {row}, {column}: {first}, and then {outcome}"


def markdown(cells: Cells) -> str:
    """Return a table; rows and columns are in the order of their first outcome."""
    rows = dict.fromkeys(row for row, _ in sorted(cells, key=lambda cell: cell[0] != VERSION))
    columns = dict.fromkeys(column for _, column in cells)
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[row, *(cells.get((row, column), "") for column in columns)] for row in rows]
    return "".join(
        "".join(f"| {cell} ".replace("  ", " ") for cell in line) + "|\n" for line in lines
    )


def find_table(page: str, name: str) -> dict[tuple[str, str], str]:
    """Return the cells of a table on a page, empty if there is no such table."""
    block = _block(name).search(page)
    if block is None:
        return {}
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in block[2].splitlines()
    ]
    columns, rows = (lines[0][1:], lines[2:]) if lines else ([], [])
    return {
        (row, column): outcome
        for row, *outcomes in rows
        for column, outcome in zip(columns, outcomes, strict=True)
        if outcome
    }


def with_table(page: str, name: str, cells: Cells) -> str:
    """Return a page with a table replaced."""
    assert _block(name).search(page), f"the page has no place for {name}"
    return _block(name).sub(lambda block: block[1] + markdown(cells) + block[3], page)


def compared(cells: Cells) -> dict[tuple[str, str], str]:
    """Return the cells that are the same on every machine."""
    return {cell: outcome for cell, outcome in cells.items() if cell[0] != VERSION}


def _block(name: str) -> re.Pattern[str]:
    return re.compile(_BLOCK.format(re.escape(name)), re.DOTALL)
