"""Leases of workers."""

from datetime import UTC, datetime, timedelta

import pytest

from stageproxy.core.leases import LENGTH, RENEWED_EVERY, Lease, taken
from stageproxy.core.timekeeping import TOLERANCE

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HELD = Lease("work", "first", fence=4, until=NOW + LENGTH)


@pytest.mark.parametrize(
    ("former", "holder", "expected"),
    [
        pytest.param(None, "first", Lease("work", "first", 1, NOW + LENGTH), id="nobody had it"),
        pytest.param(HELD, "second", None, id="another holder"),
        pytest.param(HELD, "first", HELD, id="its own"),
        pytest.param(
            HELD.ended(NOW), "first", Lease("work", "first", 4, NOW + LENGTH), id="own, lapsed"
        ),
        pytest.param(
            HELD.ended(NOW), "second", Lease("work", "second", 5, NOW + LENGTH), id="ended"
        ),
        pytest.param(
            Lease("work", "first", 4, NOW + 3 * LENGTH),
            "second",
            Lease("work", "second", 5, NOW + LENGTH),
            id="from before the clock was set back",
        ),
    ],
)
def test_taking(former: Lease | None, holder: str, expected: Lease | None) -> None:
    """One worker has a lease at a time, and each new holder a higher fence."""
    assert taken(former, "work", holder, NOW) == expected


def test_lapsing() -> None:
    """The lease of a holder that is never heard of again can be taken after its length."""
    late = NOW + LENGTH

    assert taken(HELD, "work", "second", late - SECOND) is None
    assert taken(HELD, "work", "second", late) == Lease("work", "second", 5, late + LENGTH)


def test_small_jumps() -> None:
    """A jump of the clock that passes unnoticed lets no lease lapse that is renewed in time."""
    oldest = HELD.renewed(NOW - RENEWED_EVERY)

    assert oldest.is_valid(NOW + TOLERANCE - SECOND)
    assert oldest.is_valid(NOW - TOLERANCE)
