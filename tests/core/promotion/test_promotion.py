"""The lease of a promotion, its target, and reminders of one that stopped."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import (
    LEASE,
    LostLeaseError,
    Promotion,
    PublishUrls,
    reminder_interval,
)
from tests.support.errors import find_refusal
from tests.support.ports.clock import NOON
from tests.support.promotion.promotions import TARGET, a_promotion

LATER = NOON + timedelta(minutes=1)
DAILY = timedelta(days=1)
HOURLY = timedelta(hours=1)


@pytest.mark.parametrize(("fence", "is_holder"), [(0, False), (1, False), (2, True), (3, False)])
def test_only_the_latest_holder_may_act(fence: int, *, is_holder: bool) -> None:
    """A client with another number than the present holder is refused."""
    refusal = find_refusal(a_promotion(fence=2).check_fence, fence)

    assert (refusal is None) is is_holder
    assert is_holder or isinstance(refusal, LostLeaseError)


def test_lease_ends_with_the_promotion() -> None:
    """The lease ends with the promotion."""
    with pytest.raises(LostLeaseError):
        a_promotion(fence=2, ended_at=NOON).check_fence(2)


LAPSES = {
    "just begun": (a_promotion(), NOON, False),
    "the last moment": (a_promotion(), NOON + LEASE - timedelta(microseconds=1), False),
    "silent for too long": (a_promotion(), NOON + LEASE, True),
    "renewed": (a_promotion().renewed(LATER), NOON + LEASE, False),
    "ended": (a_promotion(ended_at=NOON), NOON + 2 * LEASE, False),
    "clock set back a little": (a_promotion(), NOON - LEASE, False),
    "clock set back by days": (a_promotion(), NOON - timedelta(days=2), True),
}


@pytest.mark.parametrize(("promotion", "now", "expected"), LAPSES.values(), ids=LAPSES)
def test_lapse(promotion: Promotion, now: datetime, *, expected: bool) -> None:
    """Another client can take over a lease that was not renewed for 15 minutes."""
    assert timedelta(minutes=15) == LEASE
    assert promotion.has_lapsed(now) == expected


@pytest.mark.parametrize("progress", Progress)
def test_first_byte(progress: Progress) -> None:
    """A release begins when its first file may be published."""
    after = a_promotion().after(Entry("a.whl", progress, NOON))

    is_out = progress not in {Progress.PENDING, Progress.REFUSED}
    assert after == a_promotion(first_sent_at=NOON if is_out else None)


def test_first_byte_stays_the_first() -> None:
    """Later files do not change the time at which the release began."""
    begun = a_promotion(first_sent_at=NOON)

    assert begun.after(Entry("b.whl", Progress.SENT, LATER)).first_sent_at == NOON


OTHER = PublishUrls("https://elsewhere.example.org/legacy/", TARGET.index_url)
OTHER_PAGES = replace(TARGET, index_url="https://mirror.example.org/simple/")


@pytest.mark.parametrize(
    ("first_sent_at", "target", "is_accepted"),
    [
        (NOON, TARGET, True),
        (NOON, OTHER_PAGES, False),
        (None, OTHER_PAGES, True),
        (NOON, OTHER, False),
        (None, OTHER, True),
    ],
    ids=[
        "the same",
        "another simple index",
        "another simple index, nothing sent yet",
        "another upload API",
        "nothing sent yet",
    ],
)
def test_release_is_not_split_between_two_indexes(
    first_sent_at: datetime | None, target: PublishUrls, *, is_accepted: bool
) -> None:
    """Once a byte was sent, the other files are sent to the same index, and confirmed by it."""
    refusal = find_refusal(a_promotion(first_sent_at=first_sent_at).check_target, target)

    assert (refusal is None) is is_accepted
    assert is_accepted or isinstance(refusal, ConflictError)
    setting = "index_url" if target is OTHER_PAGES else "repository_url"
    assert is_accepted or f"Set promotion.{setting} back" in str(refusal)


REMINDERS = {
    "nothing went out": (None, 100.0, None),
    "two days": (NOON, 2.99, None),
    "three days": (NOON, 3.0, DAILY),
    "nine days": (NOON, 9.99, DAILY),
    "ten days": (NOON, 10.0, HOURLY),
    "a month": (NOON, 30.0, HOURLY),
}


@pytest.mark.parametrize(("first", "days", "expected"), REMINDERS.values(), ids=REMINDERS)
def test_reminders(first: datetime | None, days: float, expected: timedelta | None) -> None:
    """A half-published release is reported daily from day 3, hourly from day 10."""
    assert reminder_interval(first, NOON + timedelta(days=days)) == expected
