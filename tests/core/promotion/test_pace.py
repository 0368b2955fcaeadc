"""How fast a stage is published."""

from datetime import timedelta

import pytest

from stageproxy.core.promotion.plan import Pace

PACE = Pace(parallel=4, poll=timedelta(seconds=5), patience=timedelta(minutes=10))
SECONDS = {0: 5, 1: 10, 2: 20, 3: 40, 4: 80, 5: 120, 6: 120, 1_000_000: 120}


@pytest.mark.parametrize(("failures", "seconds"), SECONDS.items())
def test_pauses_double(failures: int, seconds: int) -> None:
    """Each failure in a row doubles the pause, up to two minutes."""
    assert PACE.pause_after(failures) == timedelta(seconds=seconds)
