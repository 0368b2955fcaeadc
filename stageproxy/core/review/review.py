"""The review of a stage: one structure for the page, the API and the command."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stageproxy.core.review.completeness import Completeness
from stageproxy.core.review.delta.delta import Delta
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.review.findings import ReviewFinding, is_regression
from stageproxy.core.review.impact.impact import Impact
from stageproxy.core.review.resolving.resolution import Resolution


class ReviewState(StrEnum):
    """How far the comparison of contents is; everything else is there from the start."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_unfinished(self) -> bool:
        """Whether the comparison will say more."""
        return self in {ReviewState.WAITING, ReviewState.RUNNING}


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """How far a review is: *done* of *total* steps, and what it does now, or why it failed."""

    state: ReviewState
    done: int = 0
    total: int = 0
    now: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The release that the stage is compared with: the last of its channel.

    `channel` is `final`, `pre-release` or, for a maintenance branch, `1.26`.
    """

    version: str
    channel: str
    published_at: datetime | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """The review of the files that a stage has now, which `manifest_digest` names.

    Findings are sorted, the gravest first. `deltas` begin with that against the baseline;
    those against earlier candidates of the stage follow, the latest first. `manifest` are
    the lines whose digest it is: `<sha256>  <filename>`. `impact` and `completeness` are `None`
    while the index does not answer.
    """

    project: str
    version: str
    manifest_digest: str
    manifest: str
    reviewed_at: datetime
    progress: ReviewProgress
    baseline: Baseline | None = None
    findings: tuple[ReviewFinding, ...] = ()
    impact: Impact | None = None
    completeness: Completeness | None = None
    deltas: tuple[Delta, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def regresses(self) -> bool:
        """Whether PyPI would refuse something, or users would lose or risk something."""
        return any(is_regression(one) for one in self.findings)
