"""How many unknown tokens a client may send."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from stageproxy.core.guesses import GuessLimiter
from stageproxy.core.rates import Rate

START = datetime(2026, 11, 30, tzinfo=UTC)
RATE = Rate(10, timedelta(minutes=5))


def refused(guesses: Sequence[tuple[str, int, float]]) -> list[int]:
    """Return which guesses are refused: those of a client, with a token, at a second."""
    limiter = GuessLimiter(RATE)
    return [
        number
        for number, (client, token, seconds) in enumerate(guesses)
        if limiter.take(client, token, START + timedelta(seconds=seconds))
    ]


CASES = {
    "ten at once": ([("a", n, 0) for n in range(10)], []),
    "more at once": ([("a", n, 0) for n in range(13)], [10, 11, 12]),
    "two clients": ([(c, n, 0) for n in range(10) for c in "ab"], []),
    "one more after each 30 seconds": ([("a", n, 30 * (n > 9)) for n in range(12)], [11]),
    "the same a hundred times": ([("a", 1, 0)] * 100, []),
    "the same very often": ([("a", 1, 0)] * 103, [101, 102]),
    "one outdated token, and guesses": (
        [("a", 0, 0)] * 50 + [("a", n, 0) for n in range(1, 12)],
        [59, 60],
    ),
}


@pytest.mark.parametrize(("guesses", "expected"), CASES.values(), ids=CASES)
def test_guesses(guesses: list[tuple[str, int, float]], expected: list[int]) -> None:
    """A client may send ten unknown tokens in five minutes, and each of them again and again."""
    assert refused(guesses) == expected


def test_wait() -> None:
    """A client is told how long it has to wait, and may go on then."""
    limiter = GuessLimiter(RATE)
    for token in range(10):
        limiter.take("a", token, START)

    wait = limiter.take("a", 10, START)

    assert wait == timedelta(seconds=30)
    assert limiter.take("a", 10, START + wait - timedelta(seconds=1))
    assert not limiter.take("a", 10, START + wait)
