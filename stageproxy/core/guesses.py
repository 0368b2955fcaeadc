"""How many unknown tokens a client may send before it has to wait."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from stageproxy.core.rates import Rate, RateLimiter

_REPEATS = 10
"""So many times as often a client may send tokens that it has sent before.

A program that sends one outdated token with each request is misconfigured, and guesses nothing.
"""


class GuessLimiter:
    """Counts the unknown tokens of each client: those that it sends for the first time, and others.

    What is kept is bounded, however many clients there are.
    """

    def __init__(self, rate: Rate) -> None:
        self._first: RateLimiter[str] = RateLimiter(rate)
        self._repeated: RateLimiter[str] = RateLimiter(Rate(rate.most * _REPEATS, rate.period))
        self._sent: RateLimiter[tuple[str, int]] = RateLimiter(Rate(1, rate.period))

    @property
    def limiters(self) -> Mapping[str, RateLimiter[str]]:
        """What is counted of each client, by name. Which tokens it has sent is not among it."""
        return {"first": self._first, "repeated": self._repeated}

    def take(self, client: str, token: int, now: datetime) -> timedelta:
        """Count an unknown token. Return how long to wait if the client has sent too many.

        The token is given as a number that stands for it.
        """
        is_repeated = bool(self._sent.wait((client, token), now))
        limiter = self._repeated if is_repeated else self._first
        wait = limiter.take(client, now)
        if not wait:
            self._sent.count((client, token), now)
        return wait
