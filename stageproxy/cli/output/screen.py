"""What commands print for people: rich on a terminal, plain text elsewhere."""

import os
import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stageproxy.core.wording import without_controls

_GAP = 2
"""The number of spaces between columns."""


def stdout_console() -> Console:
    """Return the console of the standard output. With NO_COLOR, it is plain on a terminal, too."""
    is_rich = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return Console(
        file=sys.stdout,
        force_terminal=is_rich,
        no_color=not is_rich,
        highlight=False,
        markup=False,
        emoji=False,
    )


def print_lines(lines: Iterable[Text | Table]) -> None:
    """Print lines, which may be longer than the terminal, and tables, to the standard output."""
    console = stdout_console()
    for line in lines:
        console.print(line, soft_wrap=not isinstance(line, Table))


def table_lines(
    header: Sequence[str], rows: Sequence[Sequence[str | Text]], *, gap: int = _GAP
) -> list[Text]:
    """Return rows below a header as lines with columns of equal width, however long they get."""
    cells = [[Text(one, "bold") for one in header], *(list(map(_cell, row)) for row in rows)]
    widths = [max(one.cell_len for one in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell).append(" " * (width - cell.cell_len + gap))
        line.rstrip()
        lines.append(line)
    return lines


def print_table(header: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print a table: with the columns of rich on a terminal, one line for each row elsewhere."""
    if not stdout_console().is_terminal:
        print_lines(table_lines(header, rows))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    print_lines([table])


def _cell(value: str | Text) -> Text:
    return Text(without_controls(value)) if isinstance(value, str) else value
