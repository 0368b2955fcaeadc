"""The leases of workers: what one does alone, and how another takes over."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from stageproxy.core.leases import LENGTH, Lease, LeaseTimes
from stageproxy.services.leases import BACKGROUND, Leases, work_alone
from tests.support.ports.clock import FakeClock
from tests.support.ports.fake_catalogue import FakeCatalogue
from tests.support.ports.fake_rows import FakeRows


@dataclass(slots=True)
class Workplace:
    """Two workers that share a catalogue and a clock, and who of them works, in order."""

    clock: FakeClock = field(default_factory=FakeClock)
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    working: list[str] = field(default_factory=list)

    def leases(self, holder: str) -> Leases:
        """Return the leases of a worker."""
        return Leases(self.catalogue, self.clock, holder)

    async def work(self, holder: str, turn: asyncio.Semaphore) -> None:
        """Work alone whenever the lease is held; each turn is one more try."""

        async def never_ends() -> None:
            self.working.append(holder)
            try:
                await asyncio.Event().wait()
            finally:
                self.working.remove(holder)

        await work_alone(self.leases(holder), BACKGROUND, never_ends, turn.acquire)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until a condition holds."""
    while not condition():  # noqa: ASYNC110 - the condition is made true by other tasks
        await asyncio.sleep(0)


async def test_one_works() -> None:
    """Background work runs in one worker, and in the next one once the lease has lapsed."""
    place = Workplace()
    turns = {holder: asyncio.Semaphore(0) for holder in ("first", "second")}
    async with asyncio.TaskGroup() as group:
        first = group.create_task(place.work("first", turns["first"]))
        await until(lambda: place.working == ["first"])
        second = group.create_task(place.work("second", turns["second"]))
        place.clock.time += LENGTH / 2
        turns["first"].release()
        await until(turns["first"].locked)
        turns["second"].release()
        await until(turns["second"].locked)
        working_meanwhile = list(place.working)
        # The first one is stopped by the system, and does not notice.
        place.clock.time += LENGTH
        turns["second"].release()
        await until(lambda: "second" in place.working)
        turns["first"].release()
        await until(lambda: place.working == ["second"])
        first.cancel()
        second.cancel()

    lease = await place.catalogue.read(lambda rows: rows.leases.find(BACKGROUND))
    assert working_meanwhile == ["first"]
    assert lease is not None
    assert (lease.holder, lease.fence) == ("second", 2)


async def test_end_of_a_worker() -> None:
    """The leases of a worker that has ended can be taken at once; those of others stay."""
    place = Workplace()
    first, second, third = (place.leases(one) for one in ("first", "second", "third"))
    await first.try_to_take("one")
    await second.try_to_take("other")

    await third.end("first")

    assert await third.try_to_take("one")
    assert not await third.try_to_take("other")


async def test_renewal() -> None:
    """A worker renews the leases of what it does, and no others; without any, nothing is written.

    Once it renewed all that it had, also of work that had failed to end them.
    """
    place = Workplace()
    first, second = place.leases("first"), place.leases("second")
    for name in ("one", "other", "two"):
        await first.try_to_take(name)
    place.clock.time += LENGTH / 2
    committed = place.catalogue.committed
    await second.renew()
    with first.kept("other"):
        pass
    await first.renew()
    is_untouched = place.catalogue.committed is committed
    with first.kept("one"), first.kept("two"):
        await first.renew()

    leases = await place.catalogue.read(lambda rows: rows.leases.list())
    assert is_untouched
    assert [one.until - place.clock.time for one in leases] == [LENGTH, LENGTH / 2, LENGTH]


async def test_renewal_of_a_lost_lease() -> None:
    """A worker that was stopped for longer than its lease does not get it back from another."""
    place = Workplace()
    first, second = place.leases("first"), place.leases("second")
    await first.try_to_take("one")
    with first.kept("one"):
        place.clock.time += LENGTH
        await second.try_to_take("one")
        await first.renew()

    lease = await place.catalogue.read(lambda rows: rows.leases.find("one"))
    assert lease == Lease("one", "second", 2, place.clock.time + LENGTH)
    assert not await first.try_to_take("one")


async def test_servers_with_other_clocks() -> None:
    """Leases of several servers go by the clock of the database, whatever their own clocks say."""
    shared = FakeClock()
    catalogue = FakeCatalogue(FakeRows(clock=shared))
    times = LeaseTimes.of_length(timedelta(seconds=30))
    ahead = Leases(catalogue, FakeClock(shared.time + timedelta(days=1)), "ahead", times)
    behind = Leases(catalogue, FakeClock(shared.time - timedelta(days=1)), "behind", times)

    await behind.try_to_take("one")
    is_taken_at_once = await ahead.try_to_take("one")
    shared.time += timedelta(seconds=30)

    assert not is_taken_at_once
    assert await ahead.try_to_take("one")
    assert not await behind.try_to_take("one")


async def test_full_disk() -> None:
    """A worker whose lease cannot be renewed stops its work: another one may take it over."""
    place, turn = Workplace(), asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(place.work("first", turn))
        await until(lambda: place.working == ["first"])
        place.catalogue.is_full = True
        turn.release()
        await until(lambda: place.working == [])
        place.catalogue.is_full = False
        turn.release()
        turn.release()
        await until(lambda: place.working == ["first"])
        task.cancel()
