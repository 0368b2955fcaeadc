"""The list of stages: which ones are wanted, and how many a page has of them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from stageproxy.core.stage.stage import Stage, Status


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stages are wanted: of a project, of a version, in one of these statuses."""

    project: str | None = None
    version: str | None = None
    statuses: Collection[Status] | None = None


def up_to(stages: Iterable[Stage], most_files: int | None) -> Iterator[Stage]:
    """Return stages until they have more than *most_files*, and the next one.

    The next one shows that the list goes on.
    """
    files = 0
    for stage in stages:
        yield stage
        if most_files is not None and files > most_files:
            return
        files += len(stage.artifacts)


def page_of(stages: Sequence[Stage], limit: int, most_files: int) -> Sequence[Stage]:
    """Return the first *limit* stages, fewer if they have *most_files*; at least one if any."""
    files = accumulate(len(one.artifacts) for one in stages[:limit])
    return stages[: max(1, sum(so_far <= most_files for so_far in files))]
