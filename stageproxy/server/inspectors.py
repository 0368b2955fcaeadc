"""What reads hostile bytes for a server: for uploads, and for reviews."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from stageproxy.core.review.artifact_review import ArtifactReview
from stageproxy.core.review.delta import ArtifactDelta
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.ports import Inspector, ReviewedFile, ReviewInspector
from stageproxy.store.inspection import Inspection
from stageproxy.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Inspectors:
    """The inspectors of a server, each open while it runs."""

    uploads: AbstractContextManager[Inspector]
    reviews: AbstractContextManager[ReviewInspector]


def inspectors_of(metrics: Metrics) -> Inspectors:
    """Return inspectors that work in processes of their own."""
    uploads = Inspection(count=metrics.count_inspection, show_waiting=metrics.show_waiting)
    return Inspectors(uploads, nullcontext(Unread()))


class Unread:
    """Reads no artifact: what it would find is not known."""

    async def review(
        self,
        after: ReviewedFile,
        before: ReviewedFile | None,
        asker: str,  # noqa: ARG002 - the port's
    ) -> ArtifactReview:
        """Return that nothing was compared."""
        why = "This server does not read contents."
        name = before.filename if before else ""
        return ArtifactReview(ArtifactDelta(after.filename, name, not_compared=why))

    async def parity(self, *_: object) -> Sequence[ReviewFinding]:
        """Return no findings."""
        return ()
