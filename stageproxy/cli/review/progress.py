"""Progress of a comparison: a bar on a terminal, a line for each step elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from stageproxy.core.review.review import ReviewProgress


@dataclass(slots=True)
class ComparisonProgress:
    """Shows how far a comparison is."""

    bars: Progress
    bar: TaskID
    prints_lines: bool
    _printed: str = ""

    def show(self, progress: ReviewProgress) -> None:
        """Show what is compared now."""
        now = progress.now or "Waiting for its turn."
        self.bars.update(
            self.bar, completed=progress.done, total=progress.total or None, now=now, visible=True
        )
        line = f"{progress.done} of {progress.total}: {now}" if progress.total else now
        if self.prints_lines and line != self._printed:
            click.echo(line, err=True)
        self._printed = line


@contextmanager
def comparison_progress(*, hidden: bool) -> Iterator[ComparisonProgress]:
    """Show the progress of a comparison on the standard error stream, unless *hidden*."""
    console = Console(stderr=True)
    is_hidden = hidden or not console.is_terminal
    bars = Progress(
        TextColumn("Comparing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}", markup=False),
        console=console,
        disable=is_hidden,
        transient=True,
    )
    with bars:
        bar = bars.add_task("Comparing", total=None, now="", visible=False)
        yield ComparisonProgress(bars, bar, prints_lines=not hidden and not console.is_terminal)
