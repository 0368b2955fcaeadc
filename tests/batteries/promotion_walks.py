"""Random walks through the promotion of a release: stopped, corrected, resumed, given up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.batteries.promotion_races import Race, publishing_on
from tests.batteries.promotion_violations import of_project
from tests.batteries.report import SEED
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.clients.http import Answer
from tests.support.index.fake_index import FakeIndex
from tests.support.index.history import Attempt, History
from tests.support.servers.service import RunningService, prefix_of, running_service
from tests.support.uploads.fake_uploads import Lag
from tests.support.uploads.faults import Fault, FaultKind, FaultPoint

POLL = 0.005
LONGEST_PAUSE = 0.06
PATIENT_POLLS = 60
"""How often the status is read before the time for which the promotion waits is over."""

MOST_MOVES = 20
GIVEN_UP = 0.3
TAGS = ("py2-none-any", "py3-none-any", "cp313-none-any", "cp314-none-any")
KINDS: tuple[tuple[FaultPoint, FaultKind, int], ...] = (
    (FaultPoint.READ, FaultKind.ANSWER, 400),
    (FaultPoint.READ, FaultKind.ANSWER, 503),
    (FaultPoint.BEFORE, FaultKind.RESET, 0),
    (FaultPoint.MIDWAY, FaultKind.RESET, 0),
    (FaultPoint.READ, FaultKind.HANG, 0),
    (FaultPoint.ACCEPTED, FaultKind.RESET, 0),
    (FaultPoint.ACCEPTED, FaultKind.CUT, 0),
)
"""Faults of uploads: the point, what happens there, and the status of an answer."""

File = tuple[str, str]
"""The name and the SHA-256 of a file."""


@dataclass(slots=True)
class Walks:
    """A service with an index; each walk has its own project."""

    service: RunningService
    random: Random = field(default_factory=lambda: Random(SEED))
    number: int = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, data: Path, index: FakeIndex) -> AsyncIterator[Self]:
        """Start a service that publishes on the same index."""
        promotion = {**publishing_on(index), "parallel": 2}
        async with running_service(data, index, promotion=promotion) as service:
            yield cls(service)

    async def walk(self) -> "Walk":
        """Publish a release on a random way, and return the walk when it is over."""
        self.number += 1
        project = f"walk-{self.number}"
        files = [a_wheel(project, tag=tag) for tag in TAGS] + [an_sdist(project)]
        stage = await self.service.staged(*files)
        staged = {one.filename: one for one in files}
        walk = Walk(self.service, self.random, project, stage, staged)
        uploads = self.service.index.uploads
        uploads.faults = list(self._faults(walk))
        uploads.lags = {name: Lag(pages=self.random.choice((0, 0, 2))) for name in staged}
        async with asyncio.TaskGroup() as clients:
            walk.clients = clients
            for _ in range(self.random.randint(1, MOST_MOVES)):
                await asyncio.sleep(max(0, self.random.uniform(-LONGEST_PAUSE, LONGEST_PAUSE)))
                await walk.move()
            uploads.faults = []
            await walk.finish()
        return walk

    def _faults(self, walk: "Walk") -> Iterator[Fault]:
        for name in walk.staged:
            first = 1
            while self.random.random() < 0.5:
                point, kind, status = self.random.choice(KINDS)
                yield Fault(point, kind, name, (first,), status=status or 503, seconds=0.05)
                first += 1


@dataclass(slots=True)
class Walk:
    """One release on its way.

    `approved`: all files of all approvals. `gone`: files that were replaced or withdrawn.
    `quiet`: how many uploads there were when the promotion had ended; none may follow
    before the next one starts.
    """

    service: RunningService
    random: Random
    project: str
    stage: Any
    staged: dict[str, Distribution]
    approved: set[File] = field(default_factory=set)
    gone: set[File] = field(default_factory=set)
    quiet: int | None = 0
    made: int = 0
    moves: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    status: str = "open"
    reason: str = ""
    clients: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)

    async def move(self) -> None:
        """Make a random move, which may be refused."""
        moves = {
            self.promote: 4,
            self.stop: 4,
            self.replace: 3,
            self.withdraw: 1,
            self.add: 1,
            self.wait: 1,
            self.give_up: 0.2,
        }
        [move] = self.random.choices(list(moves), weights=list(moves.values()))
        answer = await move()
        self._count(move.__name__, answer)

    def _count(self, name: str, answer: Answer | None) -> None:
        """Count a move; a change of a stage that is partially published is one of its own."""
        is_partial = self.status == "error" and bool(self.accepted)
        words = (name, str(answer.status) if answer else "", "partial" if is_partial else "")
        self.moves[" ".join(filter(None, words))] += 1

    async def finish(self) -> None:
        """Publish the rest, or give it up, and look for violations of the laws."""
        for _ in range(MOST_MOVES):
            await self.wait()
            if self.status in {"published", "canceled"}:
                break
            if self.random.random() < GIVEN_UP:
                self._count("give_up", await self.give_up())
            else:
                self._count("promote", await self.promote())
        await self.wait()
        self.violations += _violations(self)

    async def promote(self) -> Answer:
        """Approve the stage as it is, and publish it from the server or from a client."""
        plan = await self._api("POST", "/promotion/plan", publisher="server")
        if plan.status != 200:
            return plan
        self._check_quiet()
        files = {(one["filename"], one["sha256"]) for one in plan.document["files"]}
        publisher = self.random.choice(("server", "server", "client"))
        self.approved, before, self.quiet = self.approved | files, self.approved, None
        answer = await self._api(
            "POST",
            "/promotion",
            **{
                "manifest-digest": plan.document["manifest-digest"],
                "acknowledged": plan.document["warnings-digest"],
                "publisher": publisher,
            },
        )
        if answer.status != 202:
            self.approved = before
        elif publisher == "client":
            race = Race(self.service, self.project, self.stage["id"], plan.document)
            self.clients.create_task(race.publish_as_client(answer.document["fence"]))
        return answer

    async def stop(self) -> Answer:
        """Stop the promotion, and compare what is sent after it with what was being sent."""
        answer = await self._api("POST", "/promotion/stop")
        if answer.status != 200:
            return answer
        files = answer.document["files"]
        begun = {name for name, one in files.items() if one["progress"] == "sending"}
        seen = len(self.history.attempts)
        await self.wait()
        later = [one.filename or "" for one in self.history.attempts[seen:]]
        self.violations += [f"{one} was begun after a stop." for one in later if one not in begun]
        return answer

    async def replace(self) -> Answer | None:
        """Upload other bytes under the name of a random file."""
        if not self.staged:
            return None
        name = self.random.choice(sorted(self.staged))
        return await self._upload(self._made(name), self.staged[name])

    async def withdraw(self) -> Answer | None:
        """Withdraw a random file."""
        if not self.staged:
            return None
        name = self.random.choice(sorted(self.staged))
        answer = await self._api("DELETE", f"/files/{name}")
        if answer.status == 200:
            self.gone.add((name, self.staged.pop(name).sha256))
        return answer

    async def add(self) -> Answer:
        """Upload another wheel."""
        return await self._upload(self._made(""), None)

    async def give_up(self) -> Answer:
        """Give up what is left."""
        return await self._api("POST", "/promotion/give-up")

    async def wait(self) -> None:
        """Wait until the stage is not being published, and let time pass if that takes long."""
        polls = 0
        while True:
            shown = (await self._api("GET", "")).document
            self.status, self.reason = shown["status"], " ".join(shown["notices"])
            if self.status != "processing":
                break
            polls += 1
            if polls % PATIENT_POLLS == 0:
                self.service.clock.advance(minutes=16)
            await asyncio.sleep(POLL)
        if self.quiet is None:
            self.quiet = len(self.history.attempts)
        self._check_quiet()

    @property
    def history(self) -> History:
        """Return the uploads and views of this project."""
        return of_project(self.service.index.uploads.history, self.project)

    @property
    def accepted(self) -> list[Attempt]:
        """Return the uploads that the index accepted, in order."""
        accepted = [one for one in self.history.attempts if one.place]
        return sorted(accepted, key=lambda one: one.place)

    def _check_quiet(self) -> None:
        if self.quiet is not None and len(self.history.attempts) > self.quiet:
            self.violations.append("A file was sent after the promotion had ended.")
            self.quiet = len(self.history.attempts)

    async def _upload(self, file: Distribution, former: Distribution | None) -> Answer:
        to = prefix_of(self.stage).removeprefix(self.service.url) + "legacy/"
        answer = await self.service.upload(file, to=to)
        if answer.status == 200:
            self.staged[file.filename] = file
            if former is not None:
                self.gone.add((former.filename, former.sha256))
        return answer

    def _made(self, filename: str) -> Distribution:
        """Return new bytes under a name, or under that of a new wheel."""
        self.made += 1
        noise = {"noise": str(self.made).encode()}
        if filename.endswith(".tar.gz"):
            return an_sdist(self.project, extra=noise)
        tag = filename.removesuffix(".whl").split("-", 2)[-1] or f"cp3{self.made}-none-any"
        return a_wheel(self.project, tag=tag, extra=noise)

    async def _api(self, method: str, path: str, **document: Any) -> Answer:
        return await self.service.api(method, f"stages/{self.stage['id']}{path}", **document)


def _violations(walk: Walk) -> Iterator[str]:
    """Return the violations of the laws of promotion in the whole history."""
    accepted = [(one.filename or "", one.sha256) for one in walk.accepted]
    whole = {(one.filename or "", one.sha256) for one in walk.history.attempts if one.sha256}
    yield from (f"{name} was not approved." for name, _ in sorted(whole - walk.approved))
    late = sorted(walk.gone & set(accepted))
    yield from (f"{name} is public, but was replaced or withdrawn." for name, _ in late)
    times = Counter(name for name, _ in accepted)
    yield from (f"{name} was accepted {n} times." for name, n in times.items() if n > 1)
    if any(name.endswith(".tar.gz") for name, _ in accepted[:-1]):
        yield "The sdist was not the last file."
    yield from _violations_of_the_end(walk, accepted)


def _violations_of_the_end(walk: Walk, accepted: list[File]) -> Iterator[str]:
    staged = {(name, one.sha256) for name, one in walk.staged.items()}
    if walk.status == "published" and set(accepted) != staged:
        yield f"It is published, but the index has {sorted(accepted)}."
    if walk.status == "canceled":
        missing = _names_after("Not published: ", walk.reason)
        public = _names_after("Public for ever: ", walk.reason)
        doubtful = {name for name, _ in accepted} & missing
        yield from (f"{name} is public, but was given up as missing." for name in doubtful)
        wrong = public - {name for name, _ in accepted}
        yield from (f"{name} is not public, but was given up as public." for name in wrong)
    if walk.status == "open" and accepted:
        yield "It is open, but the index has files."


def _names_after(start: str, reason: str) -> set[str]:
    names = reason.partition(start)[2].partition(". ")[0].removesuffix(".")
    return set(names.split(", ")) - {""}
