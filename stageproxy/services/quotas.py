"""The limits of what is stored and of how often something happens, as services hold to them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stageproxy.catalogue import Rows
from stageproxy.core.errors import TooOftenError
from stageproxy.core.limits import Amounts, Scope, find_exceeded, over_limit, with_bytes
from stageproxy.core.rates import Rate, RateLimiter
from stageproxy.core.rights import ApiToken
from stageproxy.core.stage.stage import Stage

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Quotas:
    """Holds changes to the limits of what is stored."""

    limits: Amounts = field(default_factory=dict)

    @contextmanager
    def kept(self, rows: Rows, token_id: str, stage: Stage) -> Iterator[None]:
        """Raise if the changes of the block exceed a limit. The transaction then stores nothing."""
        scope = Scope(token_id, stage.project, stage.id)
        before = rows.usage(scope)
        yield
        self._check(before, rows.usage(scope), stage.project, stage.release)

    def check_size(self, used: Amounts, size: int, project: str) -> None:
        """Raise if a file of *size* bytes would exceed a limit, before it has come."""
        self._check(used, with_bytes(used, size), project, project)

    def _check(self, before: Amounts, after: Amounts, project: str, release: str) -> None:
        exceeded = find_exceeded(before, after, self.limits)
        if exceeded is not None:
            used = before[exceeded]
            raise over_limit(exceeded, used, self.limits, project=project, release=release)


def _unlimited() -> "RateLimiter[tuple[str, str]]":
    return RateLimiter(Rate(0, HOUR))


@dataclass(frozen=True, slots=True)
class Rates:
    """Holds API tokens to the limits of how often they open stages and change something.

    What is counted is forgotten when the server restarts, unless servers share it.
    """

    openings: RateLimiter[tuple[str, str]] = field(default_factory=_unlimited)
    changes: RateLimiter[tuple[str, str]] = field(default_factory=_unlimited)

    @property
    def limiters(self) -> Mapping[str, RateLimiter[tuple[str, str]]]:
        """What is counted, by name."""
        return {"openings": self.openings, "changes": self.changes}

    def check_opening(self, token_id: str, project: str, now: datetime) -> None:
        """Count the opening of a stage. Raise if the token has opened too many of a project."""
        wait = self.openings.take((token_id, project), now)
        if wait:
            what = f"opened {self.openings.rate.most} stages of {project}"
            raise TooOftenError(what, wait, setting="limits.openings_per_hour")

    def check_change(self, token: ApiToken, now: datetime) -> None:
        """Count a request that changes something. Raise if the token has sent too many."""
        wait = self.changes.take((token.id, ""), now)
        if wait:
            what = f"tried {self.changes.rate.most} uploads and other changes"
            raise TooOftenError(what, wait, setting="limits.changes_per_hour")


def hourly(most: int) -> RateLimiter[tuple[str, str]]:
    """Return a limiter of events per hour; 0 is no limit."""
    return RateLimiter(Rate(most, HOUR))
