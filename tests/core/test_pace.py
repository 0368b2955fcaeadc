"""How slowly bytes may arrive."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.pace import BytePace, PaceLimits

LIMITS = PaceLimits(stall_timeout=timedelta(seconds=30))


def arrives(sizes: dict[float, int], limits: PaceLimits, until: float) -> tuple[float, str] | None:
    """Return when a body that has these *sizes* at these times is shed, and why."""
    pace = BytePace(limits, grew_at=0)
    for now in range(int(until) + 1):
        if now in sizes:
            pace.add(now, sizes[now])
        if now and now % 3 == 0 and (fault := pace.fault(now)):
            return now, fault
    return None


def steady(rate: int, until: int) -> dict[float, int]:
    """Return the sizes of a body of so many bytes per second."""
    return {second: second * rate for second in range(1, until + 1)}


NOTHING = "nothing arrived for 30 seconds"
DRIPPING = "fewer than 1000 bytes a second arrived for 60 seconds"
PACES = {
    "nothing": ({}, (30, NOTHING)),
    "a start, then nothing": ({2: 10**6}, (33, NOTHING)),
    "a byte a second": (steady(1, 600), (60, DRIPPING)),
    "just too slow": (steady(999, 600), (60, DRIPPING)),
    "just fast enough": (steady(1000, 600), None),
    "honest, 50 kB a second": (steady(50_000, 600), None),
    "a slow start": (steady(10, 40) | {41: 100_000} | {t: 2000 * t for t in range(60, 600)}, None),
    "fast for two minutes, then a byte a second": (
        steady(1000, 120) | {second: 120_000 + second for second in range(121, 600)},
        (123, DRIPPING),
    ),
    "a burst every 29 seconds": ({29.0 * n: 30_000 * n for n in range(1, 21)}, None),
}


@pytest.mark.parametrize(("sizes", "shed"), PACES.values(), ids=PACES)
def test_pace(sizes: dict[float, int], shed: tuple[float, str] | None) -> None:
    """A body is too slow after 30 s of nothing, or with less than 1 kB/s over a minute."""
    assert arrives(sizes, LIMITS, until=580) == shed


def test_time_of_the_server_does_not_count() -> None:
    """While the server does not read, its client cannot send: that time does not count."""
    pace = BytePace(LIMITS, grew_at=0)
    pace.restart(100)

    assert pace.fault(129) is None
    assert pace.fault(130) == NOTHING


def test_no_minimum_rate() -> None:
    """With a minimum rate of 0, a body may be as slow as it likes, but must not stall."""
    limits = replace(LIMITS, min_rate=0)

    assert arrives(steady(1, 600), limits, until=580) is None
    assert arrives({}, limits, until=580) == (30, NOTHING)
