"""The clock of this machine, in which jumps are noticed."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stageproxy.core.timekeeping import Timekeeping

log = logging.getLogger(__name__)


def _wall() -> datetime:
    return datetime.now(UTC)


def _ticks() -> timedelta:
    """Return the time since the machine was started, sleep included where the system counts it."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return timedelta(seconds=time.clock_gettime(clock))


class WatchedClock:
    """The time of this machine while a server runs; see `ports.Clock`.

    *seen* is the file with the time that the last server saw.
    """

    def __init__(
        self,
        seen: Path,
        wall: Callable[[], datetime] = _wall,
        ticks: Callable[[], timedelta] = _ticks,
    ) -> None:
        self._seen = seen
        self._wall = wall
        self._ticks = ticks
        self._kept = Timekeeping.begun(wall(), ticks(), self._last_seen())
        self._log_notice()

    def now(self) -> datetime:
        """Return the present time, in UTC; after a jump, the later of two."""
        return self._read().latest

    def earliest(self) -> datetime:
        """Return the earliest time that it may be, in UTC."""
        return self._read().earliest

    @property
    def lead(self) -> timedelta:
        """By how much the clock of the machine is ahead, as far as can be known."""
        return self._read().lead

    def notice(self) -> str | None:
        """Return the notice that the clock has jumped, if it has."""
        return self._read().notice()

    def save(self) -> None:
        """Write down the time for the next server. Without it, a jump meanwhile is not noticed."""
        with suppress(OSError):
            self._seen.write_text(f"{self.earliest().isoformat()}\n")

    def _read(self) -> Timekeeping:
        before = self._kept
        self._kept = before.read(self._wall(), self._ticks())
        if self._kept.lead != before.lead:
            self._log_notice()
        return self._kept

    def _log_notice(self) -> None:
        if notice := self._kept.notice():
            log.warning(notice)

    def _last_seen(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self._seen.read_text().strip()).astimezone(UTC)
        except (OSError, ValueError):
            return None
