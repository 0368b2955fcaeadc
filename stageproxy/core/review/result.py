"""What background work adds to a review, as it is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.review.delta.delta import Delta
from stageproxy.core.review.findings import ReviewFinding, is_unfinished
from stageproxy.core.review.resolving.resolution import Resolution
from stageproxy.core.review.review import Baseline

_LASTING = timedelta(hours=12)
"""How long a result holds: what other projects have on the index changes every day."""


_LASTING_UNFINISHED = timedelta(minutes=10)
"""How long a result holds in which a file was not read to its end: the server may be busy."""


@dataclass(frozen=True, slots=True)
class ParityResult:
    """How the files of a pure wheel differ from those of the sdist."""

    findings: tuple[ReviewFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """The comparison of contents with a baseline, and what else takes time.

    `baseline_digest` identifies the files of the baseline.
    """

    reviewed_at: datetime
    baseline: Baseline | None = None
    baseline_digest: str = ""
    deltas: tuple[Delta, ...] = ()
    findings: tuple[ReviewFinding, ...] = ()
    resolutions: tuple[Resolution, ...] = ()

    def is_current(self, baseline_digest: str, now: datetime) -> bool:
        """Return whether nothing that it was worked out of has changed."""
        lasting = _LASTING_UNFINISHED if is_unfinished(self.findings) else _LASTING
        is_recent = abs(now - self.reviewed_at) < lasting
        return is_recent and self.baseline_digest == baseline_digest
