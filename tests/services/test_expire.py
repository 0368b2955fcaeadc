"""How stages end whose time is over, and when files go that nobody needs any more."""

from stageproxy.services.expire import Swept
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.servers.service import RunningService
from tests.support.stored_files import stored_file

WHEEL = a_wheel(version="2.0")


def is_kept(service: RunningService, distribution: Distribution = WHEEL) -> bool:
    """Say whether the bytes of a distribution are kept."""
    return stored_file(service.data, distribution.sha256).exists()


async def test_live_stage_keeps_its_files(service: RunningService) -> None:
    """What a live stage needs stays, however long it lives."""
    await service.staged(WHEEL)
    service.clock.advance(days=6)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=20)

    swept = await service.parts.expiry.sweep()

    assert swept == Swept(stages=0, files=0)
    assert is_kept(service)


async def test_files_go_an_hour_later(service: RunningService) -> None:
    """A file goes an hour after the last need for it was over, not before (DECISIONS 4)."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    await service.parts.expiry.sweep()
    service.clock.advance(minutes=59)
    await service.parts.expiry.sweep()
    before = is_kept(service)
    service.clock.advance(minutes=1)

    swept = await service.parts.expiry.sweep()

    assert (before, swept, is_kept(service)) == (True, Swept(stages=0, files=1), False)


async def test_expired_stage_loses_its_files(service: RunningService) -> None:
    """A stage that expired needs its files no more."""
    await service.staged(WHEEL)
    service.clock.advance(days=7)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=1)

    await service.parts.expiry.sweep()

    assert not is_kept(service)


async def test_replaced_file_goes(service: RunningService) -> None:
    """A file that was replaced goes; the one in its place stays."""
    other = a_wheel(version="2.0", summary="Another")
    await service.staged(WHEEL, other)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=1)

    await service.parts.expiry.sweep()

    assert (is_kept(service), is_kept(service, other)) == (False, True)


async def test_file_that_comes_back_stays(service: RunningService) -> None:
    """A file that is needed again before the hour is over stays."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    await service.parts.expiry.sweep()
    service.clock.advance(minutes=30)
    await service.staged(WHEEL)
    service.clock.advance(hours=2)

    await service.parts.expiry.sweep()

    assert is_kept(service)


async def test_two_stages_share_a_file(service: RunningService) -> None:
    """A file stays as long as one of several stages has it (DECISIONS 4)."""
    first = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{first['id']}")
    await service.staged(WHEEL)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=1)

    await service.parts.expiry.sweep()

    assert is_kept(service)


async def test_ended_stages_are_forgotten(service: RunningService) -> None:
    """After the retention time a stage is forgotten altogether (35)."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    service.clock.advance(days=30)

    swept = await service.parts.expiry.sweep()

    assert swept.stages == 1
    assert (await service.api("GET", "stages")).document == {"stages": []}


async def test_sweeping_twice(service: RunningService) -> None:
    """Sweeping again right away finds nothing to do."""
    stage = await service.staged(WHEEL)
    await service.api("DELETE", f"stages/{stage['id']}")
    service.clock.advance(days=31)
    await service.parts.expiry.sweep()

    assert await service.parts.expiry.sweep() == Swept(stages=0, files=0)
