"""What a sweep ends, forgets and deletes."""

from collections.abc import Sequence
from dataclasses import dataclass

from stageproxy.core.stage.stage import Stage


@dataclass(frozen=True, slots=True)
class UnneededFile:
    """A file that is not needed any more: a SHA-256 or a path, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep does at one moment.

    `expired` are the stages that end, and `uploads` the names of unfinished file uploads that
    do. `forgotten` are the ended stages whose retention time is over. `unused` are the stored
    files that no live stage has needed for an hour, and `orphans` those that no row names.
    `derived` are results of reviews whose artifacts are gone.
    """

    expired: Sequence[Stage] = ()
    uploads: Sequence[str] = ()
    forgotten: Sequence[Stage] = ()
    unused: Sequence[UnneededFile] = ()
    orphans: Sequence[UnneededFile] = ()
    derived: Sequence[UnneededFile] = ()

    @property
    def files(self) -> Sequence[UnneededFile]:
        """All files that are deleted, without derived results: those are never missed."""
        return [*self.unused, *self.orphans]

    @property
    def size(self) -> int:
        """How many bytes are freed."""
        return sum(one.size for one in self.files)
