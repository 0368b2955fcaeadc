"""Here are progress bars, on the terminal of a person who waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


@contextmanager
def progress_bars(*, hidden: bool) -> Iterator[Progress]:
    """Show bars on the standard error stream, unless *hidden* or nobody watches."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
    )
    with bars:
        yield bars
