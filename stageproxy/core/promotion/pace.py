"""Here is how fast a stage is published, and when to give up."""

from dataclasses import dataclass
from datetime import timedelta

_LONGEST_PAUSE = timedelta(minutes=2)
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to go, and when to give up.

    `parallel`: how many files are sent at the same time; `poll`: how long to
    wait before looking or sending again, doubled with each failure in a row;
    `patience`: how long the index may take to show what it accepted;
    `attempts`: how often in a row a file may go unanswered; `renew`: how often
    to give a sign of life while something takes long.
    """

    parallel: int
    poll: timedelta
    patience: timedelta
    attempts: int = 10
    renew: timedelta = timedelta(minutes=1)

    def pause_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures in a row."""
        doubled: timedelta = self.poll * 2 ** min(failures, _MOST_DOUBLINGS)
        return min(doubled, _LONGEST_PAUSE)
