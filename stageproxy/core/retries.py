"""The budget for requests that are repeated: a share of all requests, and a small reserve.

Without it, an index that is overloaded gets three times the requests at the worst time.
"""

RESERVE = 10.0
"""How many retries are possible at once, after a quiet time."""
SHARE = 0.1
"""How many retries each request earns."""


class RetryBudget:
    """The retries that are left for one index."""

    def __init__(self) -> None:
        self._left = RESERVE

    def earn(self) -> None:
        """Count a request that is no retry."""
        self._left = min(RESERVE, self._left + SHARE)

    def spend(self) -> bool:
        """Return whether one more retry is possible, and count it."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
