"""The connections of a server: how many there may be, and which are closed to make room."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Protocol

from stageproxy.web.access.addresses import Network, client_of, is_trusted
from stageproxy.web.serving.rare_log import RareLog

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 1024


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be, in all and from one address (0 is no limit).

    The *proxies* that are trusted may have any number. For each client behind them, the limit
    of an address is that of requests at the same time.
    """

    total: int = MOST_CONNECTIONS
    per_address: int = 256
    proxies: Sequence[Network] = ()


class Connection(Protocol):
    """A connection, as far as it matters here."""

    @property
    def idle_since(self) -> float | None:
        """When it was heard of last, or `None` while a request is being answered."""

    def give_way(self) -> None:
        """Close an idle connection."""


class Excess(StrEnum):
    """Why a connection or a request is one too many."""

    IN_ALL = "in-all"
    OF_ADDRESS = "of-address"


_REFUSED = {
    Excess.IN_ALL: "server.max_connections is reached",
    Excess.OF_ADDRESS: "an address reached server.max_connections_per_address",
}


@dataclass(slots=True)
class ExcessReport:
    """Reports what was one too many: each to *count*, and once a minute to the log."""

    now: Callable[[], float]
    count: Callable[[Excess], None] | None = None
    _logs: dict[Excess, RareLog] = field(init=False)

    def __post_init__(self) -> None:
        self._logs = {one: RareLog(partial(_log_excess, one)) for one in Excess}

    def add(self, excess: Excess) -> None:
        """Report a connection or a request that was refused."""
        self._logs[excess].add(self.now())
        if self.count is not None:
            self.count(excess)


def _log_excess(excess: Excess, count: int) -> None:
    log.warning("refused clients because %s: %d since the last line", _REFUSED[excess], count)


class Connections:
    """The open connections by client, and the requests of clients behind trusted proxies.

    A client is an IPv4 address, or the /64 network of an IPv6 one.
    """

    def __init__(self, limits: ConnectionLimits, report: ExcessReport) -> None:
        self._limits = limits
        self._report = report
        self._clients: dict[Connection, str] = {}
        self._requests: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._clients)

    def admit(self, newcomer: Connection, address: str) -> Excess | None:
        """Add a connection, or return why there is no room for it.

        The connection that has been idle longest is closed to make room: of the same client, or of
        all. So clients that only hold connections cannot shut others out.
        """
        excess = self._make_room(address)
        if excess is None:
            self._clients[newcomer] = client_of(address)
        else:
            self._report.add(excess)
        return excess

    def remove(self, connection: Connection) -> None:
        """Remove a connection that has ended, if it was admitted."""
        self._clients.pop(connection, None)

    @contextmanager
    def answering(self, client: str) -> Iterator[bool]:
        """Count a request of a client behind a proxy until it is answered.

        Yield whether the client may have it.
        """
        self._requests[client] += 1
        limit = self._limits.per_address
        is_admitted = not limit or self._requests[client] <= limit
        if not is_admitted:
            self._report.add(Excess.OF_ADDRESS)
        try:
            yield is_admitted
        finally:
            self._requests[client] -= 1
            if not self._requests[client]:
                del self._requests[client]

    def _make_room(self, address: str) -> Excess | None:
        """Return what is in the way of another connection, after closing an idle one if needed."""
        limit = self._limits.per_address
        if limit and not is_trusted(address, self._limits.proxies):
            client = client_of(address)
            own = [one for one, whose in self._clients.items() if whose == client]
            if len(own) >= limit and not self._close_one(own):
                return Excess.OF_ADDRESS
        if len(self) >= self._limits.total and not self._close_one(list(self._clients)):
            return Excess.IN_ALL
        return None

    def _close_one(self, candidates: Sequence[Connection]) -> bool:
        """Close the connection that has been idle longest. Return whether there was one."""
        idle = {one: one.idle_since for one in candidates}
        since = {one: time for one, time in idle.items() if time is not None}
        if not since:
            return False
        oldest = min(since, key=since.__getitem__)
        self.remove(oldest)
        oldest.give_way()
        return True
