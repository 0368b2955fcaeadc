"""Work in the background: one of each, and what goes wrong with it ends nothing else."""

import asyncio
import logging

import pytest

from stageproxy.services.background import Background


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

    assert [record.message for record in caplog.records] == ["s1: work in the background failed"]


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
