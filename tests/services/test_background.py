"""Work in the background: one of each, and what goes wrong with it ends nothing else."""

import asyncio
import logging
from datetime import timedelta

import pytest

from stageproxy.core.errors import NoRoomError
from stageproxy.services.background import Background, repeat


async def test_failure(caplog: pytest.LogCaptureFixture) -> None:
    """What work raises is logged, and other work goes on: a full disk ended the server."""
    background, done = Background(), asyncio.Event()

    async def fail() -> None:
        raise OSError("No space left on device")

    async def succeed() -> None:
        done.set()

    with caplog.at_level(logging.ERROR):
        async with background.open():
            background.start("s1", fail)
            background.start("s2", succeed)
            await done.wait()

    assert [record.message for record in caplog.records] == ["background task s1 failed"]


async def test_failure_of_the_block() -> None:
    """What goes wrong while the server runs is told as it is: it came out as a group of one."""
    with pytest.raises(ValueError, match="as it is"):
        async with Background().open():
            raise ValueError("as it is")


async def test_end() -> None:
    """What still runs when the server ends is cancelled, and nothing is begun any more."""
    background, was_cancelled = Background(), asyncio.Event()

    async def run_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    async with background.open():
        background.start("s1", run_for_ever)
        await asyncio.sleep(0)
        assert background.is_running("s1")
    background.start("s2", run_for_ever)

    assert was_cancelled.is_set()
    assert not background.is_running("s1")
    assert not background.is_running("s2")


async def test_work_that_is_repeated(caplog: pytest.LogCaptureFixture) -> None:
    """What fails is done again when its time comes: a full disk ended the server a second way."""
    done = asyncio.Event()
    outcomes = iter([NoRoomError(), OverflowError("date value out of range"), None])

    async def work() -> None:
        if (failure := next(outcomes)) is not None:
            raise failure
        done.set()

    repeating = repeat("sweep", work, timedelta(0))
    with caplog.at_level(logging.ERROR):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(repeating)
            await done.wait()
            task.cancel()

    assert caplog.messages == ["background task sweep failed"] * 2
