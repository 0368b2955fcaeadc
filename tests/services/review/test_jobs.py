"""The background work on reviews: one for each stage, two in all, with progress."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from stageproxy.core.errors import UpstreamFailedError
from stageproxy.core.review.review import ReviewState
from stageproxy.services.background import Background
from stageproxy.services.review.jobs import ReviewJobs, Steps
from tests.support.ports.clock import FakeClock

BUG = "The server failed. Its log says why; ask again to repeat it."


@dataclass(slots=True)
class Work:
    """Work that waits at a gate, and says how often it was done."""

    failure: Exception | None = None
    is_done: bool = True
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    times: int = 0
    cancelled: bool = False

    async def __call__(self, steps: Steps) -> bool:
        """Take one step of two, and wait."""
        steps.total = 2
        with steps.step("Reading demo."):
            pass
        self.times += 1
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.failure:
            raise self.failure
        return self.is_done


@dataclass(slots=True)
class World:
    """Jobs, a clock, and how each work has ended."""

    clock: FakeClock = field(default_factory=FakeClock)
    ends: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    jobs: ReviewJobs = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = ReviewJobs(
            self.clock, Background(), lambda: 0.0, lambda end, _: self.ends.put_nowait(end)
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Return jobs that run until the end of the test."""
    world = World()
    async with world.jobs.background.open():
        yield world


async def test_progress(world: World) -> None:
    """The progress says how many steps are done and what is done now."""
    work = Work()
    first = world.jobs.ensure("s", "files", work)
    await work.begun.wait()
    then = world.jobs.ensure("s", "files", work)
    work.gate.set()

    assert first.state is ReviewState.WAITING
    assert (then.state, then.done, then.total) == (ReviewState.RUNNING, 1, 2)
    assert then.now == "Reading demo."
    assert await world.ends.get() == "done"
    assert work.times == 1


async def test_changed_files_start_it_anew(world: World) -> None:
    """When the files change, the work on the old ones is cancelled and that on the new begins."""
    old, new = Work(), Work()
    world.jobs.ensure("s", "old files", old)
    await old.begun.wait()
    world.jobs.ensure("s", "new files", new)
    await new.begun.wait()
    new.gate.set()

    assert [await world.ends.get(), await world.ends.get()] == ["canceled", "done"]
    assert (old.cancelled, new.cancelled) == (True, False)


async def test_two_at_once(world: World) -> None:
    """Two reviews are made at a time; the third waits, and begins when one has ended."""
    works = [Work() for _ in range(3)]
    for number, work in enumerate(works):
        world.jobs.ensure(str(number), "files", work)
    await works[0].begun.wait()
    await works[1].begun.wait()

    assert world.jobs.ensure("2", "files", works[2]).state is ReviewState.WAITING
    assert world.jobs.running == 3
    assert works[2].times == 0
    works[0].gate.set()
    await works[2].begun.wait()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [(UpstreamFailedError("PyPI answered 500."), "PyPI answered 500."), (KeyError("x"), BUG)],
)
async def test_failure_is_said_and_retried(world: World, failure: Exception, sentence: str) -> None:
    """A failure is shown with its sentence; a request some seconds later starts it again."""
    work = Work(failure)
    work.gate.set()
    world.jobs.ensure("s", "files", work)
    assert await world.ends.get() == "failed"

    shown = world.jobs.ensure("s", "files", work)
    world.clock.advance(seconds=11)
    again = world.jobs.ensure("s", "files", work)

    assert (shown.state, shown.now) == (ReviewState.FAILED, sentence)
    assert again.state is ReviewState.WAITING
    assert await world.ends.get() == "failed"
    assert work.times == 2


async def test_work_of_another_process(world: World) -> None:
    """While another process makes the review, that is said, and each request looks again."""
    work = Work(is_done=False)
    work.gate.set()
    world.jobs.ensure("s", "files", work)
    assert await world.ends.get() == "elsewhere"

    assert world.jobs.ensure("s", "files", work).now == "Another process of the server makes it."
    assert await world.ends.get() == "elsewhere"
    assert work.times == 2


async def test_shutdown() -> None:
    """Work that is running when the server stops is cancelled."""
    world, work = World(), Work()
    async with world.jobs.background.open():
        world.jobs.ensure("s", "files", work)
        await work.begun.wait()

    assert work.cancelled
    assert await world.ends.get() == "canceled"
