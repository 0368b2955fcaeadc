"""Rates of several servers."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from stageproxy.core.errors import NoRoomError
from stageproxy.core.rates import Rate, RateLimiter
from stageproxy.services.shared_rates import SharedRates
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue
from tests.support.ports.fake_rows import FakeRows

TEN_AN_HOUR = Rate(10, timedelta(hours=1))
ADDRESS = "192.0.2.7"
NOTHING = timedelta(0)


@dataclass(slots=True)
class Server:
    """A server that counts the events of clients, with a clock of its own."""

    catalogue: FakeCatalogue
    clock: FakeClock = field(default_factory=FakeClock)
    limiter: RateLimiter[str] = field(default_factory=lambda: RateLimiter(TEN_AN_HOUR))
    shared: SharedRates = field(init=False)

    def __post_init__(self) -> None:
        """Begin to share what is counted."""
        self.shared = SharedRates(self.catalogue, self.clock, {"guesses": self.limiter})
        self.shared.share()

    def take(self, times: int = 1) -> list[bool]:
        """Return which of so many events of a client are within the rate."""
        now = self.clock.now()
        return [self.limiter.take(ADDRESS, now) == NOTHING for _ in range(times)]


def two_servers() -> tuple[Server, Server]:
    """Return two servers over one database, whose clocks differ by a day."""
    catalogue = FakeCatalogue(FakeRows(clock=FakeClock()))
    first, second = Server(catalogue), Server(catalogue)
    second.clock.advance(days=1)
    return first, second


async def test_rate_of_all_servers() -> None:
    """A client that asks two servers in turn has one rate, once they have exchanged."""
    first, second = two_servers()
    first.take(6)
    await first.shared.exchange()
    second.take(4)
    await second.shared.exchange()

    assert second.take() == [False]
    assert second.limiter.wait(ADDRESS, second.clock.now()) == timedelta(minutes=6)


async def test_counted_meanwhile() -> None:
    """What is counted while servers exchange is neither lost nor counted twice."""
    first, _ = two_servers()
    first.take(3)
    await first.shared.exchange()
    first.take(2)
    await first.shared.exchange()
    await first.shared.exchange()

    assert first.limiter.used(ADDRESS, first.clock.now()) == 5
    assert first.take(6) == [True] * 5 + [False]


async def test_nothing_counted() -> None:
    """A server that counts nothing writes nothing."""
    server, _ = two_servers()
    committed = server.catalogue.committed

    await server.shared.exchange()

    assert server.catalogue.committed is committed


async def test_failure_of_the_database() -> None:
    """While the database fails, each server holds to the rate on its own."""
    server, _ = two_servers()
    server.take(10)
    server.catalogue.is_full = True
    with pytest.raises(NoRoomError):
        await server.shared.exchange()

    assert server.take() == [False]


async def test_addresses_are_not_stored() -> None:
    """The database gets no address of a client."""
    server, _ = two_servers()
    server.take()

    await server.shared.exchange()

    assert all(ADDRESS not in name for name in server.catalogue.committed.tables.rates)
