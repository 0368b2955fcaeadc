"""Tables for people at a terminal. Elsewhere commands print a line for each row, as scripts expect.

rich is imported only when a table is shown: it would double the time of a command's help.
"""

import os
import pkgutil
import sys
from collections.abc import Sequence

import click

_PRINT_TABLE = "stageproxy.cli.output.screen:print_table"


def is_terminal() -> bool:
    """Return whether a person reads the output at a terminal that shows more than plain text."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with rich."""
    pkgutil.resolve_name(_PRINT_TABLE)(header, rows)


def hint(sentence: str, *commands: str) -> None:
    """Print at a terminal what to run next. A script has no use for it."""
    if sys.stdout.isatty():
        click.echo("\n  ".join([f"\n{sentence}", *commands]))


def styled(text: str, **style: str | bool | None) -> str:
    """Return a text with a style at a terminal, unless NO_COLOR is set."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)  # type: ignore[arg-type]
