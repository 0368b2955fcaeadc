"""A large page that the server has no copy of, beside the same page of the index."""

import gzip
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from urllib.parse import urlsplit

from aiohttp import ClientSession

from benchmarks.goals import Figure, Goal, Row, Samples
from benchmarks.parts.pages import PACKED, PLAIN
from benchmarks.processor import seconds_of
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import Child, running_child
from benchmarks.servers.stageproxy import Profiled, running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL, a_json_page
from tests.support.builders.distributions import a_wheel
from tests.support.servers.processes import StageLinks

_UPSTREAM = "the index itself"
_MOST = 40.0
_WARM_UP = 5


def _goal(kind: str) -> Goal:
    what = f"cold merged page of 4,400 files, {kind}"
    return Goal(what, _UPSTREAM, "ms", Figure.DIFFERENCE, most=_MOST)


GOALS: Mapping[str, Goal] = {"plain": _goal("plain"), "gzip": _goal("gzip")}
_HEADERS: Mapping[str, Mapping[str, str]] = {"plain": PLAIN, "gzip": PACKED}


@dataclass(frozen=True, slots=True)
class ColdPage:
    """The large page, asked for once. *path* is that in its stage, *small* that of a small page."""

    run: Run
    upstream: Child
    path: str
    small: str
    headers: Mapping[str, str]
    spent: list[float] = field(default_factory=list)

    async def of_stageproxy(self, without: Sequence[str] = ()) -> float:
        """Return the milliseconds of the page of a server that has answered with small ones."""
        async with self.new_server(without) as ours:
            before = seconds_of(ours.pid)
            took = await self.ask(ours.server.url + self.path)
            self.spent.append((seconds_of(ours.pid) - before) * 1000)
            return took

    @asynccontextmanager
    async def new_server(self, without: Sequence[str] = ()) -> AsyncIterator[Profiled]:
        """Start the server over the same data: it has no copy of any page but a small one."""
        url = self.upstream.url
        async with running_stageproxy(self.run, without=without, upstream__url=url) as ours:
            for _ in range(_WARM_UP):
                await self.ask(ours.server.url + self.small)
            yield ours

    async def of_upstream(self) -> float:
        """Return the milliseconds of the index."""
        return await self.ask(f"{self.upstream.url}/simple/{LARGE}/")

    async def ask(self, url: str) -> float:
        """Return the milliseconds of a page."""
        async with ClientSession(auto_decompress=False) as session:
            began = time.perf_counter()
            async with session.get(url, headers=self.headers) as answer:
                answer.raise_for_status()
                await answer.read()
            return (time.perf_counter() - began) * 1000


async def measure(run: Run) -> AsyncIterator[Row]:
    """Ask for the page in both forms, each time on a new server over the same data."""
    async with running_child("upstream") as upstream:
        staged = await staged_page(run, upstream, PLAIN)
        for kind, goal in GOALS.items():
            page = replace(staged, headers=_HEADERS[kind], spent=[])
            numbers = await alternate(run.rounds, page.of_stageproxy, page.of_upstream)
            yield await _explained(page, Row(goal, Samples(*numbers), _limit(page)))


async def staged_page(run: Run, upstream: Child, headers: Mapping[str, str]) -> ColdPage:
    """Stage files on a server, and stop it: the data of the servers that are measured."""
    async with running_stageproxy(run, upstream__url=upstream.url) as ours:
        small = _path(await ours.server.stage(a_wheel(SMALL, "99.0")), SMALL)
        large = _path(await ours.server.stage(a_wheel(LARGE, "99.0")), LARGE)
    return ColdPage(run, upstream, large, small, headers)


def _path(stage: StageLinks, project: str) -> str:
    return f"{urlsplit(stage.index).path}{project}/"


def _limit(page: ColdPage) -> str:
    """Return what the page costs the server, and what Python needs to read and to pack it."""
    plain = a_json_page(LARGE)
    packed = gzip.compress(plain, mtime=0)
    costs = {
        "to unpack it": _milliseconds_of(lambda: gzip.decompress(packed)),
        "to hash it": _milliseconds_of(lambda: hashlib.sha256(plain).digest()),
        "to parse it": _milliseconds_of(lambda: json.loads(plain)),
        "to pack it at level 1": _milliseconds_of(lambda: gzip.compress(plain, 1)),
    }
    each = ", ".join(f"{cost:.0f} ms {what}" for what, cost in costs.items())
    return (
        f"The server uses {median(page.spent):.0f} ms of processor time."
        f" For such a page Python needs {each}."
    )


def _milliseconds_of(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1000


async def _explained(page: ColdPage, row: Row) -> Row:
    if not row.is_missed:
        return row
    async with page.new_server() as ours:
        profile = await ours.profile_of(page.ask(ours.server.url + page.path))
    return replace(row, profile=profile)


PART = Part("cold", "pages that the server has no copy of", tuple(GOALS.values()), measure)
