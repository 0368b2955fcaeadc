"""Look-ups of the dependencies of a release on the index, in bounded number and time."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from stageproxy.caching import LruCache
from stageproxy.core.errors import StageproxyError
from stageproxy.core.rules.findings import Finding
from stageproxy.core.stage.dependencies import (
    Available,
    Wanted,
    available_in,
    dependencies_in,
    not_looked_up,
    too_long,
    unsatisfied,
)
from stageproxy.ports import Index
from stageproxy.services.upstream_state import read_project_page

log = logging.getLogger(__name__)

_AT_ONCE = 8
_MOST_PROJECTS = 100
_MOST_CACHED = 2000
_CACHE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the index lists of a project, `None` for no such project, and how long that holds."""

    available: Available | None
    until: float


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Looks up dependencies on an index. Answers hold for some minutes."""

    index: Index
    now: Callable[[], float] = time.monotonic
    _cached: LruCache[NormalizedName, _Answer] = field(
        default_factory=lambda: LruCache(_MOST_CACHED, lambda _: 1), repr=False
    )

    async def findings(self, wanted: Wanted, *, seconds: float) -> list[Finding]:
        """Return the findings on requirements that no release satisfies, after *seconds* at most.

        What was not answered by then is one finding of its own.
        """
        requirements = await asyncio.to_thread(dependencies_in, wanted)
        projects = list(dict.fromkeys(canonicalize_name(one.name) for one in requirements))
        answers = await self._look_up(projects, seconds)
        judged = await asyncio.to_thread(_judged, requirements, answers)
        unknown = [one for one in projects if one not in answers]
        return [*judged, *not_looked_up(unknown), *too_long(wanted)]

    async def _look_up(
        self, projects: Sequence[NormalizedName], seconds: float
    ) -> dict[NormalizedName, _Answer]:
        """Return what is known of projects after *seconds* at most."""
        answers = {one: answer for one in projects if (answer := self._known(one))}
        missing = [one for one in projects if one not in answers][:_MOST_PROJECTS]
        try:
            async with asyncio.timeout(seconds):
                await self._ask(missing, answers)
        except TimeoutError:
            log.warning("the index did not answer in time about all of %s", ", ".join(missing))
        return answers

    async def _ask(
        self, projects: Iterable[NormalizedName], answers: dict[NormalizedName, _Answer]
    ) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def ask(project: NormalizedName) -> None:
            async with slots:
                answer = await self._answer(project)
            if answer is not None:
                self._cached.add(project, answer)
                answers[project] = answer

        async with asyncio.TaskGroup() as group:
            for project in projects:
                group.create_task(ask(project))

    async def _answer(self, project: NormalizedName) -> _Answer | None:
        try:
            page = await read_project_page(self.index, project, fresh=False)
        except StageproxyError as error:
            log.warning("cannot look up %s: %r", project, error)
            return None
        available = await asyncio.to_thread(available_in, page.listing)
        return _Answer(available, self.now() + _CACHE_SECONDS)

    def _known(self, project: NormalizedName) -> _Answer | None:
        answer = self._cached.find(project)
        return answer if answer and self.now() < answer.until else None


def _judged(
    requirements: Iterable[Requirement], answers: Mapping[NormalizedName, _Answer]
) -> list[Finding]:
    known = ((one, answers.get(canonicalize_name(one.name))) for one in requirements)
    judged = (unsatisfied(one, answer.available) for one, answer in known if answer)
    return [one for one in judged if one]
