"""A run: how long it measures, and where its files are."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.goals import Goal, Row
from tests.support.servers.processes import ROOT

BUILD = ROOT / "build" / "benchmarks"
"""What outlives a run: results, and the environments of other servers."""


@dataclass(frozen=True, slots=True)
class Run:
    """The options of a run, and a folder for the files of one part."""

    folder: Path
    rounds: int = 5
    seconds: int = 1
    size: int = 2**30

    def new_folder(self, name: str) -> Path:
        """Create an empty folder."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


@dataclass(frozen=True, slots=True)
class Part:
    """A subject: its goals, and what measures them all in order."""

    name: str
    subject: str
    goals: Sequence[Goal]
    measure: Callable[[Run], AsyncIterator[Row]]
