"""The time by a clock that jumps."""

from datetime import UTC, datetime, timedelta

import pytest

from stageproxy.core.timekeeping import Timekeeping

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
START = timedelta(seconds=1000)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NONE = timedelta(0)


def begun(pause: timedelta | None = None) -> Timekeeping:
    """Return a first reading at noon, *pause* after the last server's last one."""
    return Timekeeping.begun(NOON, START, None if pause is None else NOON - pause)


def run(*steps: tuple[timedelta, timedelta]) -> Timekeeping:
    """Return the last of readings, each after so much of the wall clock and of the ticks."""
    kept = begun()
    for wall, ticks in steps:
        kept = kept.read(kept.wall + wall, kept.ticks + ticks)
    return kept


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 30 * DAY, -30 * DAY, 6 * MINUTE])
def test_jump(jump: timedelta) -> None:
    """After a jump, it may be the time before it or the one after it; a minute passes in both."""
    kept = run((jump, NONE), (MINUTE, MINUTE))

    assert {kept.earliest, kept.latest} == {NOON + MINUTE, NOON + jump + MINUTE}
    assert kept.earliest < kept.latest


@pytest.mark.parametrize(
    ("steps", "earliest", "is_noticed"),
    [
        pytest.param([(MINUTE, MINUTE)], MINUTE, False, id="an even clock"),
        pytest.param([(30 * DAY, 30 * DAY)], 30 * DAY, False, id="a long silence"),
        pytest.param([(4 * MINUTE, NONE)], 4 * MINUTE, False, id="a small step"),
        pytest.param([(30 * DAY, NONE)], NONE, True, id="ahead"),
        pytest.param([(30 * DAY, NONE), (-30 * DAY, NONE)], NONE, False, id="ahead and back"),
        pytest.param([(30 * DAY, NONE), (59 * MINUTE, 59 * MINUTE)], 59 * MINUTE, True, id="soon"),
        pytest.param(
            [(30 * DAY, NONE), (HOUR, HOUR)], 30 * DAY + HOUR, False, id="an hour after the jump"
        ),
        pytest.param(
            [(30 * DAY, NONE), (HOUR, 59 * MINUTE), (30 * DAY, NONE), (MINUTE, MINUTE)],
            HOUR + MINUTE,
            True,
            id="two jumps",
        ),
        pytest.param([(-30 * DAY, NONE)], -30 * DAY, True, id="back"),
    ],
)
def test_when_it_is_for_good(
    steps: list[tuple[timedelta, timedelta]], earliest: timedelta, *, is_noticed: bool
) -> None:
    """What is deleted for good goes by the earliest time, until the clock has run for an hour."""
    kept = run(*steps)

    assert kept.earliest - NOON == earliest
    assert (kept.notice() is not None) == is_noticed


@pytest.mark.parametrize(
    ("pause", "earliest"),
    [
        (None, NONE),
        (NONE, NONE),
        (DAY, NONE),
        (-MINUTE, NONE),
        (30 * DAY, -30 * DAY),
        (-30 * DAY, NONE),
    ],
)
def test_jump_while_stopped(pause: timedelta | None, earliest: timedelta) -> None:
    """A server that starts long after the last one, or before it, doubts the clock as well."""
    kept = begun(pause)

    assert kept.earliest - NOON == earliest
    assert kept.latest >= NOON


def test_back_while_stopped() -> None:
    """After a jump back, what had expired stays so."""
    assert begun(-30 * DAY).latest == NOON + 30 * DAY


def test_notice() -> None:
    """The notice says what happened, what follows and what to do."""
    assert run((2 * HOUR, NONE)).notice() == (
        "The clock jumped ahead by 120 minutes. Until it has run evenly for an hour, no stage ends "
        "and no file is deleted. Check the time of the machine."
    )


def test_time_that_no_clock_has_had() -> None:
    """A last time that is decades ahead is no time, as in a file that is damaged.

    With it, every date of a stage would be beyond what can be stored.
    """
    assert begun(-365 * 100 * DAY) == begun()
