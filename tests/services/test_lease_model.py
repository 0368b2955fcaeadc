"""Leases of several servers beside a model: wrong clocks, deaths, pauses, failures."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from hypothesis import example, given
from hypothesis import strategies as st

from stageproxy.core.errors import StorageError
from stageproxy.core.leases import LeaseTimes
from stageproxy.services.leases import Leases
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue
from tests.support.ports.fake_rows import FakeRows

TIMES = LeaseTimes.of_length(timedelta(seconds=30))
WORK = "work"


class Step(Enum):
    """What happens to a server."""

    TAKE = auto()
    RENEW = auto()
    DIE = auto()
    LOSE_CLOCK = auto()
    CUT_OFF = auto()
    CONNECT = auto()
    LET_TIME_PASS = auto()


@dataclass(slots=True)
class Server:
    """A server, and until when it may believe that it has the lease, by the database's clock."""

    leases: Leases
    clock: FakeClock
    is_cut_off: bool = False
    believes_until: datetime | None = None


@dataclass(slots=True)
class Installation:
    """Three servers over one database. One that dies is replaced by another one."""

    shared: FakeClock = field(default_factory=FakeClock)
    catalogue: FakeCatalogue = field(init=False)
    servers: list[Server] = field(init=False)
    started: int = 0
    holders: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the servers."""
        self.catalogue = FakeCatalogue(FakeRows(clock=self.shared))
        self.servers = [self._new() for _ in range(3)]

    def _new(self) -> Server:
        self.started += 1
        clock = FakeClock()
        leases = Leases(self.catalogue, clock, f"server {self.started}", TIMES)
        return Server(leases, clock)

    async def do(self, step: Step, number: int, seconds: int) -> None:
        """Let something happen to one of the servers."""
        server = self.servers[number]
        match step:
            case Step.TAKE:
                await self._take(server)
            case Step.RENEW:
                await self._renew(server)
            case Step.DIE:
                self.servers[number] = self._new()
            case Step.LOSE_CLOCK:
                server.clock.time += timedelta(hours=seconds - 20)
            case Step.CUT_OFF:
                server.is_cut_off = True
            case Step.CONNECT:
                server.is_cut_off = False
            case Step.LET_TIME_PASS:
                self.shared.time += timedelta(seconds=seconds)

    async def _take(self, server: Server) -> None:
        self.catalogue.is_full = server.is_cut_off
        try:
            if await server.leases.try_to_take(WORK):
                server.believes_until = self.shared.time + TIMES.length
        except StorageError:
            pass
        self.catalogue.is_full = False

    async def _renew(self, server: Server) -> None:
        """Renew the lease while working, as servers do that believe to have it."""
        if server.believes_until is None or server.is_cut_off:
            return
        with server.leases.kept(WORK):
            await server.leases.renew()
        lease = await self.catalogue.read(lambda rows: rows.leases.find(WORK))
        if lease is not None and lease.holder == server.leases.holder:
            server.believes_until = lease.until

    async def check(self) -> None:
        """Check that one server at most believes to have the lease, and that fences rise."""
        now = self.shared.time
        believing = [one for one in self.servers if one.believes_until and one.believes_until > now]
        assert len(believing) <= 1
        lease = await self.catalogue.read(lambda rows: rows.leases.find(WORK))
        if lease is not None and (lease.holder, lease.fence) not in self.holders[-1:]:
            assert all(lease.fence > fence for _, fence in self.holders)
            self.holders.append((lease.holder, lease.fence))


@given(
    st.lists(st.tuples(st.sampled_from(Step), st.integers(0, 2), st.integers(0, 40)), max_size=40)
)
@example([(Step.TAKE, 1, 0), (Step.TAKE, 0, 0)])
@example([(Step.TAKE, 0, 0), (Step.LET_TIME_PASS, 0, 30), (Step.TAKE, 1, 0), (Step.RENEW, 0, 0)])
def test_one_holder(steps: Sequence[tuple[Step, int, int]]) -> None:
    """At any time one server at most can believe that it has a lease, and each has a higher fence.

    Whatever their clocks say, whoever dies, is paused, or is cut off from the database; and
    within the length of a lease after that, another one gets it.
    """

    async def run() -> None:
        installation = Installation()
        for step in steps:
            await installation.do(*step)
            await installation.check()
        installation.shared.time += TIMES.length
        last = installation.servers[0]
        last.is_cut_off = False
        assert await last.leases.try_to_take(WORK)

    asyncio.run(run())
