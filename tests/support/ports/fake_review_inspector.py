"""A review inspector that reads nothing and answers what a test has prepared."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import ArtifactDelta
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.ports import ReviewedFile, ReviewInspector


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass(slots=True)
class FakeReviewInspector:
    """Answers by filename; see `ports.ReviewInspector`.

    `reviews` and `parities` are the answers; a file without one has not changed. `asked` are the
    pairs of filenames so far, `askers` whose questions they were. No answer comes while `gate`
    is closed (`gate.clear()`); `begun` is set with the first question.
    """

    reviews: Mapping[str, ArtifactReview] = field(default_factory=dict)
    parities: Mapping[str, Sequence[ReviewFinding]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    askers: set[str] = field(default_factory=set)
    gate: asyncio.Event = field(default_factory=_open_gate)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def review(
        self, after: ReviewedFile, before: ReviewedFile | None, asker: str
    ) -> ArtifactReview:
        """Return the prepared review of an artifact."""
        counterpart = "" if before is None else before.filename
        self.asked.append((after.filename, counterpart))
        self.askers.add(asker)
        self.begun.set()
        await self.gate.wait()
        unchanged = ArtifactReview(ArtifactDelta(after.filename, counterpart))
        return self.reviews.get(after.filename, unchanged)

    async def parity(
        self, wheel: ReviewedFile, sdist: ReviewedFile, asker: str
    ) -> Sequence[ReviewFinding]:
        """Return the prepared findings on a wheel."""
        self.asked.append((wheel.filename, sdist.filename))
        self.askers.add(asker)
        self.begun.set()
        await self.gate.wait()
        return self.parities.get(wheel.filename, ())


def fits_the_port(inspector: FakeReviewInspector) -> ReviewInspector:
    """Return the fake as its port, which mypy checks."""
    return inspector
