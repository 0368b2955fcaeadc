"""Background work: one task of each, and failures that end nothing else."""

import asyncio
import logging
from datetime import timedelta

import pytest

from stageproxy.core.errors import NoRoomError
from stageproxy.services.background import Background, repeat


async def test_failure_of_a_task(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of a task is logged, and others go on. A full disk ended the server once."""
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
    """An exception of the block is raised as it is. It was raised in a group once."""
    with pytest.raises(ValueError, match="as it is"):
        async with Background().open():
            raise ValueError("as it is")


async def test_end() -> None:
    """Tasks that run when the block ends are cancelled, and no new ones start."""
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


async def test_repeated_task(caplog: pytest.LogCaptureFixture) -> None:
    """A repeated task that fails runs again at its time. A full disk ended the server once."""
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

    assert caplog.messages == [
        "background task sweep failed: The server's disk is full. Its operator must free space.",
        "background task sweep failed",
    ]
