"""The background work on reviews: one for each stage, few at a time, with progress."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stageproxy.core.errors import StageproxyError
from stageproxy.core.review.review import ReviewProgress, ReviewState
from stageproxy.ports import Clock
from stageproxy.services.background import Background

log = logging.getLogger(__name__)

_AT_ONCE = 2
_WAITING = ReviewProgress(ReviewState.WAITING, now="Waiting for its turn.")
_ELSEWHERE = ReviewProgress(ReviewState.RUNNING, now="Another process of the server makes it.")
_RETRIED_AFTER = timedelta(seconds=10)
"""How long a failure is shown before the next request starts the work again."""
_BUG = "The server failed. Its log says why; ask again to repeat it."

Count = Callable[[str, float], None]
"""Counts a review by its outcome, and the seconds that it took."""


@dataclass(slots=True)
class Steps:
    """The steps of one review, which are shown as its progress."""

    job: "_Job"
    total: int = 0
    done: int = 0

    @contextmanager
    def step(self, sentence: str) -> Iterator[None]:
        """Show what is done during the block, and count it afterwards."""
        self._show(sentence)
        yield
        self.done += 1
        self._show(sentence)

    def _show(self, sentence: str) -> None:
        self.job.progress = ReviewProgress(ReviewState.RUNNING, self.done, self.total, sentence)


@dataclass(slots=True)
class _Job:
    """The work on the files of a stage, which *subject* identifies."""

    subject: str
    progress: ReviewProgress
    failed_at: datetime | None = None
    is_over: bool = False

    def may_start_again(self, now: datetime) -> bool:
        """Return whether the work is over, and its failure, if it is one, was shown."""
        was_shown = self.failed_at is None or abs(now - self.failed_at) >= _RETRIED_AFTER
        return self.is_over and was_shown


Work = Callable[[Steps], Awaitable[bool]]
"""Returns whether it was done; otherwise another process is doing it."""


@dataclass(frozen=True, slots=True)
class ReviewJobs:
    """Runs the work on reviews. *count* is called at the end of each."""

    clock: Clock
    background: Background
    monotonic: Callable[[], float]
    count: Count = lambda *_: None
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _jobs: dict[str, _Job] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """How many reviews are being made, or wait."""
        return sum(not one.is_over for one in self._jobs.values())

    def ensure(self, stage_id: str, subject: str, work: Work) -> ReviewProgress:
        """Return the progress of the work on a stage, which is started if it is not running.

        Work on another *subject*, such as the files that the stage had before, is cancelled.
        """
        job = self._jobs.get(stage_id)
        if job is None or job.subject != subject:
            job = self._start(stage_id, _Job(subject, _WAITING), work)
        elif job.may_start_again(self.clock.now()):
            again = _WAITING if job.failed_at else job.progress
            job = self._start(stage_id, _Job(subject, again), work)
        return job.progress

    def _start(self, stage_id: str, job: _Job, work: Work) -> _Job:
        self.background.stop(stage_id)
        self._jobs[stage_id] = job
        self.background.start(stage_id, lambda: self._carry_out(stage_id, job, work))
        return job

    async def _carry_out(self, stage_id: str, job: _Job, work: Work) -> None:
        began = self.monotonic()
        outcome = "canceled"
        try:
            async with self._places:
                outcome = await self._outcome_of(stage_id, job, work)
        finally:
            job.is_over = True
            seconds = self.monotonic() - began
            self.count(outcome, seconds)
            log.info("review of stage %s: %s after %.1f s", stage_id, outcome, seconds)
            if outcome in {"done", "canceled"} and self._jobs.get(stage_id) is job:
                del self._jobs[stage_id]

    async def _outcome_of(self, stage_id: str, job: _Job, work: Work) -> str:
        try:
            is_done = await work(Steps(job))
        except StageproxyError as error:
            log.warning("review of stage %s: %s", stage_id, error.sentence)
            self._fail(job, error.sentence)
            return "failed"
        except Exception:
            # A bug: it is said to whoever asks, too.
            log.exception("review of stage %s failed", stage_id)
            self._fail(job, _BUG)
            return "failed"
        job.progress = job.progress if is_done else _ELSEWHERE
        return "done" if is_done else "elsewhere"

    def _fail(self, job: _Job, sentence: str) -> None:
        job.failed_at = self.clock.now()
        done, total = job.progress.done, job.progress.total
        job.progress = ReviewProgress(ReviewState.FAILED, done, total, sentence)
