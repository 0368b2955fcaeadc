"""Builders of promotions: each names what matters to a test, and only that."""

from datetime import datetime

from stageproxy.core.promotion.promotion import LEASE, Approval, Promotion, Publisher, PublishUrls
from tests.support.ports.clock import NOON

TARGET = PublishUrls("https://upload.example.org/legacy/", "https://index.example.org/simple/")


def a_promotion(
    stage_id: str = "s1",
    *,
    fence: int = 1,
    publisher: Publisher = Publisher.SERVER,
    acknowledged: tuple[str, ...] = (),
    first_sent_at: datetime | None = None,
    ended_at: datetime | None = None,
    notices: tuple[str, ...] = (),
) -> Promotion:
    """Return a promotion that began at noon, with its first holder."""
    return Promotion(
        stage_id=stage_id,
        approval=Approval("d" * 64, 1, "t1", NOON, acknowledged),
        target=TARGET,
        publisher=publisher,
        fence=fence,
        leased_until=NOON + LEASE,
        first_sent_at=first_sent_at,
        ended_at=ended_at,
        notices=notices,
    )
