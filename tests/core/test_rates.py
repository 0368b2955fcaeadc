"""Rates: what is within them, how long to wait, and how much is remembered."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.rates import Rate, RateLimiter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEN_AN_HOUR = Rate(10, timedelta(hours=1))
SIX_MINUTES = timedelta(minutes=6)
NOTHING = timedelta(0)


def a_used_up_limiter() -> RateLimiter[str]:
    """Return a limiter at which `ann` has used her rate at `NOW`."""
    limiter: RateLimiter[str] = RateLimiter(TEN_AN_HOUR)
    for _ in range(10):
        limiter.count("ann", NOW)
    return limiter


def test_events_within_the_rate_pass() -> None:
    """As many events as the rate names can come at once."""
    limiter: RateLimiter[str] = RateLimiter(TEN_AN_HOUR)

    assert [limiter.take("ann", NOW) for _ in range(10)] == [NOTHING] * 10


def test_an_event_beyond_the_rate_has_to_wait() -> None:
    """The wait is the time until there is room for exactly one more."""
    limiter = a_used_up_limiter()

    wait = limiter.take("ann", NOW)

    assert wait == SIX_MINUTES
    assert limiter.take("ann", NOW + wait) == NOTHING
    assert limiter.take("ann", NOW + wait) == SIX_MINUTES


def test_a_refused_event_is_not_counted() -> None:
    """Who asks too often does not wait longer for it."""
    limiter = a_used_up_limiter()

    assert [limiter.take("ann", NOW) for _ in range(3)] == [SIX_MINUTES] * 3


def test_counting_ends_at_the_rate() -> None:
    """Events that are counted come what may never cost more than a period."""
    limiter = a_used_up_limiter()

    limiter.count("ann", NOW)

    assert limiter.wait("ann", NOW) == SIX_MINUTES


def test_keys_do_not_share_a_rate() -> None:
    """What one key does costs another nothing."""
    assert a_used_up_limiter().take("ben", NOW) == NOTHING


@pytest.mark.parametrize(
    ("later", "used"),
    [
        pytest.param(NOTHING, 10, id="at once"),
        pytest.param(timedelta(minutes=1), 10, id="before there is room again"),
        pytest.param(timedelta(minutes=30), 5, id="half a period later"),
        pytest.param(timedelta(hours=1), 0, id="a period later"),
    ],
)
def test_use_ends_evenly(later: timedelta, used: int) -> None:
    """How much is used can be shown."""
    assert a_used_up_limiter().used("ann", NOW + later) == used


def test_zero_is_no_limit() -> None:
    """A rate of 0 passes everything and remembers nothing."""
    limiter: RateLimiter[str] = RateLimiter(Rate(0, timedelta(hours=1)))

    assert [limiter.take("ann", NOW) for _ in range(100)] == [NOTHING] * 100
    assert (len(limiter), limiter.used("ann", NOW)) == (0, 0)


def test_a_clock_that_was_set_back_costs_at_most_a_period() -> None:
    """A jump of the clock locks nobody out for longer than a full bucket takes."""
    limiter = a_used_up_limiter()
    month_before = NOW - timedelta(days=30)

    assert limiter.wait("ann", month_before) == SIX_MINUTES


def test_keys_are_forgotten_when_they_have_their_whole_rate_again() -> None:
    """Memory holds only the keys that were used within the last period."""
    limiter = a_used_up_limiter()

    limiter.count("ben", NOW + timedelta(hours=1))

    assert len(limiter) == 1


def test_memory_is_bounded() -> None:
    """Any number of keys, such as invented addresses, needs no more than the bound."""
    limiter: RateLimiter[int] = RateLimiter(TEN_AN_HOUR, most_keys=100)

    for key in range(1_000):
        limiter.take(key, NOW)

    assert len(limiter) == 100


@given(st.lists(st.integers(0, 600), max_size=80))
def test_no_period_has_more_than_twice_the_rate(pauses: list[int]) -> None:
    """For any sequence of events, a full bucket and what flows into it is all that passes."""
    limiter: RateLimiter[str] = RateLimiter(TEN_AN_HOUR)
    passed, now = [], NOW
    for pause in pauses:
        now += timedelta(seconds=pause)
        if not limiter.take("ann", now):
            passed.append(now)

    for start in passed:
        elapsed = [one - start for one in passed if one >= start]
        for number, after in enumerate(elapsed, 1):
            assert number <= 10 + after / SIX_MINUTES + 1
