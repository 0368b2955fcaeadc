"""When stages expire, and when files that nothing needs are deleted."""

from stageproxy.core.care.sweep import SweepPlan
from stageproxy.services.care.expire import Swept
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")


def is_stored(service: RunningService, distribution: Distribution = WHEEL) -> bool:
    """Return whether the bytes of a distribution are stored."""
    return stored_file(service.data, distribution.sha256).exists()


async def test_live_stage_keeps_its_files(service: RunningService) -> None:
    """The files of a live stage are not deleted, however long it lives."""
    await service.staged(WHEEL)
    service.clock.advance(days=6)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=20)

    swept = await service.parts.expiry.sweep()

    assert swept == Swept(stages=0, files=0)
    assert is_stored(service)


async def test_file_is_deleted_an_hour_later(service: RunningService) -> None:
    """A file is deleted an hour after it was last needed, not before."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    await service.parts.expiry.sweep()
    service.clock.advance(minutes=59)
    await service.parts.expiry.sweep()
    before = is_stored(service)
    service.clock.advance(minutes=1)

    swept = await service.parts.expiry.sweep()

    assert (before, swept, is_stored(service)) == (True, Swept(stages=0, files=1), False)


async def test_expired_stage_loses_its_files(service: RunningService) -> None:
    """The files of an expired stage are deleted."""
    await service.staged(WHEEL)
    service.clock.advance(days=7)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=1)

    await service.parts.expiry.sweep()

    assert not is_stored(service)


async def test_replaced_file_is_deleted(service: RunningService) -> None:
    """A replaced file is deleted; the new one is not."""
    other = a_wheel(version="2.0", summary="Another")
    await service.staged(WHEEL, other)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=1)

    await service.parts.expiry.sweep()

    assert (is_stored(service), is_stored(service, other)) == (False, True)


async def test_file_that_is_needed_again(service: RunningService) -> None:
    """A file that is needed again within the hour is not deleted."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    await service.parts.expiry.sweep()
    service.clock.advance(minutes=30)
    await service.staged(WHEEL)
    service.clock.advance(hours=2)

    await service.parts.expiry.sweep()

    assert is_stored(service)


async def test_file_of_two_stages(service: RunningService) -> None:
    """A file of several stages is not deleted while one of them has it."""
    first = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{first['id']}")
    await service.staged(WHEEL)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=1)

    await service.parts.expiry.sweep()

    assert is_stored(service)


async def test_ended_stages_are_removed(service: RunningService) -> None:
    """A stage is removed from the database after the retention time."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    service.clock.advance(days=30)

    swept = await service.parts.expiry.sweep()

    assert swept.stages == 1
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_sweeping_twice(service: RunningService) -> None:
    """A second sweep finds nothing."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    service.clock.advance(days=31)
    await service.parts.expiry.sweep()

    assert await service.parts.expiry.sweep() == Swept(stages=0, files=0)


async def test_plan_is_what_is_done(service: RunningService) -> None:
    """A dry run names what a sweep then does, and does nothing itself."""
    await service.staged(WHEEL)
    stage = await service.staged(a_wheel(version="3.0"))
    await service.api("DELETE", f"stages/{stage['id']}")
    await service.parts.expiry.sweep()
    left = service.data / "files" / "incoming" / "x"
    left.write_bytes(b"left over")
    service.clock.advance(days=40)

    planned = await service.parts.expiry.plan()
    again = await service.parts.expiry.plan()
    done = await service.parts.expiry.carry_out()

    assert planned == again == done
    parts = (done.expired, done.forgotten, done.unused, done.orphans)
    assert [len(one) for one in parts] == [1, 2, 1, 1]
    assert await service.parts.expiry.plan() == SweepPlan([], [], [], [], [], [])
