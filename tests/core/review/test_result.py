"""How long the stored result of a review holds."""

from datetime import UTC, datetime, timedelta

import pytest

from stageproxy.core.review.findings import NOT_REVIEWED, ReviewFinding, Section
from stageproxy.core.review.result import ReviewResult
from stageproxy.core.rules.findings import Level

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
UNFINISHED = ReviewFinding(Section.SUPPLY_CHAIN, Level.UNKNOWN, NOT_REVIEWED, "Not read.")
HOLDS = {
    "after an hour": ((), timedelta(hours=1), True),
    "after a day": ((), timedelta(days=1), False),
    "a file was not read, after a minute": ((UNFINISHED,), timedelta(minutes=1), True),
    "a file was not read, after an hour": ((UNFINISHED,), timedelta(hours=1), False),
}


@pytest.mark.parametrize("case", HOLDS)
def test_how_long_a_result_holds(case: str) -> None:
    """What was not read because the server was busy is read again, and soon."""
    findings, age, holds = HOLDS[case]
    result = ReviewResult(NOW - age, baseline_digest="d", findings=findings)

    assert result.is_current("d", NOW) is holds
    assert not result.is_current("other", NOW)
