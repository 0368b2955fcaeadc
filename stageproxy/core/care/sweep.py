"""What a sweep ends, forgets and deletes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.stage.lifetime import as_of
from stageproxy.core.stage.stage import LIVE, Stage


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
    """

    expired: Sequence[Stage] = ()
    uploads: Sequence[str] = ()
    forgotten: Sequence[Stage] = ()
    unused: Sequence[UnneededFile] = ()
    orphans: Sequence[UnneededFile] = ()

    @property
    def files(self) -> Sequence[UnneededFile]:
        """All files that are deleted."""
        return [*self.unused, *self.orphans]

    @property
    def size(self) -> int:
        """How many bytes are freed."""
        return sum(one.size for one in self.files)


def joined(plans: Sequence[SweepPlan]) -> SweepPlan:
    """Return what was done in several steps."""
    return SweepPlan(
        expired=[one for plan in plans for one in plan.expired],
        uploads=[one for plan in plans for one in plan.uploads],
        forgotten=[one for plan in plans for one in plan.forgotten],
        unused=[one for plan in plans for one in plan.unused],
        orphans=[one for plan in plans for one in plan.orphans],
    )


def plan_sweep(
    stages: Iterable[Stage],
    now: datetime,
    retention: timedelta,
    *,
    unused: Sequence[UnneededFile] = (),
    orphans: Sequence[UnneededFile] = (),
) -> SweepPlan:
    """Return what a sweep does *now*. A stage that expired long ago is forgotten at once."""
    expired, forgotten = [], []
    uploads: list[str] = []
    for stage in stages:
        ended = as_of(stage, now)
        if stage.has_expired(now):
            expired.append(stage)
        elif stage.status in LIVE:
            over = (one.filename for one in stage.uploads if one.as_of(now) is not one)
            uploads.extend(over)
        if ended.ended_at is not None and now >= ended.ended_at + retention:
            forgotten.append(ended)
    return SweepPlan(expired, uploads, forgotten, unused, orphans)
