"""The progress of commands that copy a data directory, and their failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import Progress, TaskID

from stageproxy.cli.output import FailedError
from stageproxy.cli.transfers import progress_bars
from stageproxy.store.backups.manifest import BackupError
from stageproxy.store.directory import DataDirectoryError, DataDirectoryInUseError
from stageproxy.store.migrations import NewerSchemaError


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
    with explained(what), progress_bars(hidden=hidden) as bars:
        yield CopyBar(bars, bars.add_task(what, total=None))


@contextmanager
def explained(what: object) -> Iterator[None]:
    """Explain the failures of a command that works on a data directory."""
    try:
        yield
    except DataDirectoryInUseError as error:
        msg = f"{error} Stop it, and run this again."
        raise FailedError(msg) from error
    except (BackupError, DataDirectoryError, NewerSchemaError) as error:
        raise FailedError(str(error)) from error
    except OSError as error:
        msg = f"{error.filename or what}: {error.strerror or error}. Nothing was put in place."
        raise FailedError(msg) from error
