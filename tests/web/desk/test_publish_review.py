"""What the question whether to publish says of the review."""

from pathlib import Path
from typing import Any

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import ArtifactDelta
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from tests.support.clients.desk_client import of, shown, signed_in
from tests.support.index.fake_index import FakeIndex
from tests.support.ports.fake_review_inspector import FakeReviewInspector
from tests.support.promotion.promotion_client import promotion_settings
from tests.support.servers.service import RunningService, prefix_of, running_service
from tests.web.conftest import SDIST, WHEEL

UNREAD = ReviewFinding(
    Section.SUPPLY_CHAIN, Level.UNKNOWN, "not-reviewed", "The code was not reviewed: it fails."
)


async def test_contents_that_were_not_read(tmp_path: Path, index: FakeIndex) -> None:
    """An archive that no review can read is no quiet one: who publishes it is shown that."""
    review = ArtifactReview(ArtifactDelta(WHEEL.filename, ""), findings=(UNREAD,))
    inspector = FakeReviewInspector(reviews={WHEEL.filename: review})
    async with running_service(
        tmp_path / "data",
        index,
        reviewed_by=inspector,
        promotion=promotion_settings(index),
        review={"background": True},
    ) as service:
        browser = await signed_in(service, await service.token("manage"))
        stage = await service.staged(WHEEL, SDIST)
        while await state_of(service, stage) != "done":
            pass

        page = shown(await browser.get(of(stage, "/publish")))

    assert "The code was not reviewed: it fails." in page


async def state_of(service: RunningService, stage: Any) -> Any:
    """Return how far the review of a stage is."""
    return (await service.get(f"{prefix_of(stage)}+review")).document["progress"]["state"]
