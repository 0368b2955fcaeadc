"""Artifacts read for a review, in child processes of their own: no upload waits for them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Self

from stageproxy.core.review.artifact_reading import shown
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import ArtifactDelta
from stageproxy.core.review.findings import NOT_REVIEWED, ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from stageproxy.ports import ReviewedFile
from stageproxy.store.inspection import Count
from stageproxy.store.inspection_pool import Dialogue, InspectionPool
from stageproxy.store.inspection_process import (
    InspectionFailedError,
    InspectionLimitError,
    InspectionLimits,
    TimeLimit,
    outcome_of,
)

log = logging.getLogger(__name__)

REVIEW_LIMITS = InspectionLimits(
    seconds=60, patience=600, memory=256 * 2**20, at_once=2, questions_per_process=200, niceness=10
)
"""A review may take its time, but it gives way to everything else."""

_REST_AFTER = 30.0
"""How many seconds the processes wait for another question: they hold memory."""


class ReviewInspection:
    """Reads artifacts, each time in a child process with limits. See `ports.ReviewInspector`."""

    def __init__(
        self, limits: InspectionLimits = REVIEW_LIMITS, *, count: Count = lambda *_: None
    ) -> None:
        self._limits = limits
        self._pool = InspectionPool(limits, lambda _: None)
        self._count = count
        self._rest: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Start nothing: most of the time, nobody reviews."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, also those that are reading an artifact."""
        self._stay_awake()
        self._pool.close()

    async def review(
        self, after: ReviewedFile, before: ReviewedFile | None, asker: str
    ) -> ArtifactReview:
        """Return what an artifact changes; as much as was found out, if something fails."""
        question = {
            "kind": "review",
            "after": _file(after),
            "before": None if before is None else _file(before),
        }
        dialogue = await self._ask(question, asker, after.filename)
        known = [one.review for one in dialogue.answers if one.review is not None]
        review = known[-1] if known else _nothing(after, before, dialogue)
        if dialogue.failure is not None:
            unread = _not_read(dialogue.failure, Section.SUPPLY_CHAIN, after)
            review = replace(review, findings=(*review.findings, unread))
        return await asyncio.to_thread(shown, review)

    async def parity(
        self, wheel: ReviewedFile, sdist: ReviewedFile, asker: str
    ) -> Sequence[ReviewFinding]:
        """Return how the files of a pure wheel differ from what the sdist holds."""
        question = {"kind": "parity", "wheel": _file(wheel), "sdist": _file(sdist)}
        dialogue = await self._ask(question, asker, wheel.filename)
        found = tuple(each for one in dialogue.answers for each in one.parity)
        if dialogue.failure is not None:
            return (_not_read(dialogue.failure, Section.PARITY, wheel, sdist),)
        return shown(found)

    async def _ask(self, question: Mapping[str, object], asker: str, about: str) -> Dialogue:
        self._stay_awake()
        try:
            dialogue = await self._pool.ask(question, asker, self._limit)
        finally:
            self._stay_awake()
            self._rest = asyncio.get_running_loop().call_later(_REST_AFTER, self._pool.rest)
        failure, kind = dialogue.failure, str(question["kind"])
        if failure is not None:
            log.log(failure.level, "%s of %r was not read completely: %s", kind, about, failure)
        self._count(kind, outcome_of(failure), dialogue.waited)
        return dialogue

    def _limit(self, _arrived: float, began: float, _number: int) -> TimeLimit:
        return TimeLimit(self._limits.seconds, began + self._limits.seconds)

    def _stay_awake(self) -> None:
        if self._rest is not None:
            self._rest.cancel()


def _file(file: ReviewedFile) -> dict[str, object]:
    return {**asdict(file), "path": str(file.path)}


def _nothing(
    after: ReviewedFile, before: ReviewedFile | None, dialogue: Dialogue
) -> ArtifactReview:
    """Return the review of an artifact of which nothing was found out."""
    counterpart = "" if before is None else before.filename
    reason = "" if dialogue.failure is None else _why(dialogue.failure)
    return ArtifactReview(
        ArtifactDelta(after.filename, counterpart, not_compared=f"It was not read: {reason}.")
    )


def _not_read(
    failure: InspectionFailedError, section: Section, *files: ReviewedFile
) -> ReviewFinding:
    return ReviewFinding(
        section,
        Level.UNKNOWN,
        NOT_REVIEWED,
        f"The code was not reviewed: {_why(failure)}.",
        "Look at it yourself before you publish it: `stageproxy download` gets the files.",
        tuple(one.filename for one in files),
    )


def _why(failure: InspectionFailedError) -> str:
    if isinstance(failure, InspectionLimitError):
        return f"this takes more than {failure.limit}"
    return "reading it failed"
