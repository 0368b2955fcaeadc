"""Jumps of the clock: what ends for good, and what is served."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stageproxy.server.watched_clock import WatchedClock
from tests.support.builders.distributions import a_wheel
from tests.support.servers.service import RunningService, prefix_of
from tests.support.stored_files import stored_files

WHEEL = a_wheel(version="2.0")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AHEAD = [HOUR, timedelta(days=30), timedelta(days=400)]
JUMPS = [*AHEAD, *(-one for one in AHEAD)]


@pytest.mark.parametrize(("jump", "status"), [*zip(AHEAD, (200, 410, 404), strict=True)])
async def test_jump_ahead(service: RunningService, jump: timedelta, status: int) -> None:
    """After a jump ahead nothing is deleted; once the clock is back, the stage is as it was.

    It had ended for good once, and its files were deleted an hour later.
    """
    stage = await service.staged(WHEEL)
    file = stage["files"][WHEEL.filename]["link"]
    service.clock.doubt = jump
    service.clock.time += jump
    during = (await service.get(f"{prefix_of(stage)}simple/demo/")).status
    for _ in range(3):
        await service.parts.expiry.sweep()
    await service.upload(a_wheel(version="3.0"))
    service.clock.doubt = timedelta(0)
    service.clock.time -= jump

    assert during == status
    assert (await service.get(file)).status == 200
    assert (await service.get(f"{prefix_of(stage)}simple/demo/")).status == 200


async def test_settled(service: RunningService) -> None:
    """Once the time is not in doubt any more, what has expired ends."""
    await service.staged(WHEEL)
    service.clock.advance(days=8)
    await service.parts.expiry.sweep()
    service.clock.advance(hours=2)
    await service.parts.expiry.sweep()

    assert stored_files(service.data) == []


class Machine:
    """The two clocks of a machine."""

    def __init__(self) -> None:
        self.wall = NOON
        self.ticks = timedelta(0)

    def clock(self, folder: Path) -> WatchedClock:
        """Return the clock of a server that starts now."""
        return WatchedClock(folder / "last-seen", lambda: self.wall, lambda: self.ticks)

    def wait(self, length: timedelta) -> None:
        """Let time pass on both."""
        self.wall += length
        self.ticks += length


@pytest.mark.parametrize("jump", JUMPS)
def test_jump_while_running(
    tmp_path: Path, jump: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    """A jump is logged once; an hour later the new time is taken for right."""
    machine = Machine()
    clock = machine.clock(tmp_path)
    machine.wall += jump

    for _ in range(4):
        assert {clock.now(), clock.earliest()} == {machine.wall, machine.wall - jump}
        assert clock.notice() is not None
        machine.wait(HOUR / 4)
    assert len(caplog.messages) == 1
    assert (clock.now(), clock.earliest(), clock.notice()) == (machine.wall, machine.wall, None)


@pytest.mark.parametrize(
    ("pause", "is_noticed"),
    [(HOUR, False), (timedelta(days=30), True), (-HOUR, True), (-timedelta(days=30), True)],
)
def test_jump_while_stopped(tmp_path: Path, pause: timedelta, *, is_noticed: bool) -> None:
    """A server that starts remembers the time that the last one saw."""
    machine = Machine()
    machine.clock(tmp_path).save()
    machine.wall += pause

    assert (machine.clock(tmp_path).notice() is not None) == is_noticed


def test_nothing_seen(tmp_path: Path) -> None:
    """A file that cannot be read, or written, is as good as none."""
    (tmp_path / "last-seen").write_text("yesterday\n")
    assert Machine().clock(tmp_path).notice() is None

    clock = Machine().clock(tmp_path / "nowhere")
    clock.save()
    assert clock.notice() is None
