"""What a review without a loud finding says: page and command use the same sentences."""

from collections.abc import Mapping
from enum import StrEnum

from stageproxy.core.review.delta.delta import Against
from stageproxy.core.review.review import Review, ReviewState


class Compared(StrEnum):
    """Whether the contents of a release were compared with the last one."""

    UNFINISHED = "unfinished"
    FAILED = "failed"
    NOT = "not"
    WHOLE = "whole"


NOTHING_AGAINST: Mapping[Compared, str] = {
    Compared.UNFINISHED: "Nothing speaks against it so far. The comparison still runs.",
    Compared.FAILED: "Nothing speaks against it, but the contents could not be compared.",
    Compared.NOT: "Nothing speaks against it so far, but its contents were not compared.",
    Compared.WHOLE: "Nothing was found that speaks against publishing it.",
}
"""What can be said of a release in which nothing was found, in one sentence."""


def how_compared(review: Review) -> Compared:
    """Return whether the contents were compared. Without an earlier release, nothing has to be."""
    if review.progress.state.is_unfinished:
        return Compared.UNFINISHED
    if review.progress.state is ReviewState.FAILED:
        return Compared.FAILED
    against = [one for one in review.deltas if one.against is Against.RELEASE]
    if review.baseline is None or any(not one.not_compared for one in against):
        return Compared.WHOLE
    return Compared.NOT
