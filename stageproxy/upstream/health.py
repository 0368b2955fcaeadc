"""Whether upstream answers, and since when it does not."""

from copy import copy

from stageproxy.core.errors import StageproxyError
from stageproxy.core.index.staleness import Outage
from stageproxy.ports import Clock
from stageproxy.upstream.circuits import CircuitOpenError


class UpstreamHealth:
    """The outage of an index, from the first failure to the next answer."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.outage: Outage | None = None

    def answered(self) -> None:
        """Note that upstream has answered."""
        self.outage = None

    def failed(self, failure: StageproxyError) -> None:
        """Note a failure. A request that was not sent says nothing new."""
        if self.outage is not None and isinstance(failure, CircuitOpenError):
            return
        since = self.clock.now() if self.outage is None else self.outage.since
        # A copy has no traceback, which would hold references to received bytes.
        self.outage = Outage(since, copy(failure))
