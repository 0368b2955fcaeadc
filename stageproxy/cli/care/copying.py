"""The progress of commands that copy a data directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import Progress, TaskID

from stageproxy.cli.care.data_directory import explained
from stageproxy.cli.transfers import progress_bars


@dataclass(frozen=True, slots=True)
class CopyBar:
    """A progress bar of bytes."""

    bars: Progress
    bar: TaskID

    def announce(self, size: int) -> None:
        """Show how many bytes there are in all."""
        self.bars.update(self.bar, total=size)

    def advance(self, size: int) -> None:
        """Show that more bytes are copied."""
        self.bars.advance(self.bar, size)


@contextmanager
def copying(what: str, *, hidden: bool) -> Iterator[CopyBar]:
    """Show a progress bar while the block copies, and explain its failures."""
    with explained("Nothing was put in place."), progress_bars(hidden=hidden) as bars:
        yield CopyBar(bars, bars.add_task(what, total=None))
