"""Pages beside other servers of the same index, all with warm caches."""

import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from aiohttp import ClientError, ClientSession

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import Load, processor_times
from benchmarks.parts.pages import PLAIN, Pages
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.peers import STARTS, Peer, Peers
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL

SUBJECTS = {SMALL: "small merged page", LARGE: "merged page of 4,400 files, plain"}

_NGINX_LEAST = {SMALL: 0.45, LARGE: 1.5}
_NGINX = "nginx with `proxy_cache`"
_SLOW, _TOO_SLOW = 0.05, 2.0
"""Seconds for one answer, with which a server is loaded less or not at all."""
_WARM_UP = 3
_UNUSABLE = (ClientError, RuntimeError, AssertionError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Contender:
    """A server, and what it answers when it is asked for JSON."""

    name: str
    load: Load
    answers: str


def _goal(project: str, peer: str) -> Goal:
    least = _NGINX_LEAST[project] if peer == _NGINX else None
    return Goal(SUBJECTS[project], peer, least=least)


GOALS: Mapping[tuple[str, str], Goal] = {
    (project, peer): _goal(project, peer) for project in SUBJECTS for peer in STARTS
}


async def measure(run: Run) -> AsyncIterator[Row]:
    """Run all servers that can be run, and load the same page of each."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(running_child("upstream"))
        ours = await stack.enter_async_context(running_stageproxy(run, upstream__url=upstream.url))
        pages = await Pages.staged(run, ours)
        peers = Peers.in_folder(run.new_folder("peers"), upstream.url)
        started, failures = await _start_all(stack, peers)
        for project in SUBJECTS:
            load = pages.load(pages.url(project, project), PLAIN)
            contenders, unusable = await _contenders(run, project, started)
            numbers = await alternate(run.rounds, load.rate, *(one.load.rate for one in contenders))
            for one, beside in zip(contenders, numbers[1:], strict=True):
                row = _row(project, one, load, Samples(numbers[0], beside))
                yield await explained(row, pages.ours, load.anew().rate)
            for name, reason in {**failures, **unusable}.items():
                yield Row(GOALS[project, name], None, reason)


async def _start_all(
    stack: AsyncExitStack, peers: Peers
) -> tuple[Mapping[str, Peer], Mapping[str, str]]:
    """Start the servers, and return why others could not be started."""
    started, failures = {}, {}
    for name in STARTS:
        try:
            started[name] = await stack.enter_async_context(peers.start(name))
        except _UNUSABLE as error:
            failures[name] = f"It could not be installed or started: {type(error).__name__}."
    return started, failures


async def _contenders(
    run: Run, project: str, peers: Mapping[str, Peer]
) -> tuple[Sequence[Contender], Mapping[str, str]]:
    """Return the servers that have the page, and why others cannot be compared."""
    contenders, unusable = [], {}
    for name, peer in peers.items():
        load = Load(f"{peer.pages}{project}/", PLAIN, peer.pid, run.seconds)
        try:
            answers, seconds = await _warm_answer(load)
            answers = f"{peer.note} {answers}".strip()
        except _UNUSABLE as error:
            unusable[name] = f"It does not answer with the page: {type(error).__name__}."
            continue
        if seconds > _TOO_SLOW:
            unusable[name] = f"{answers} It takes {seconds:.1f} s for each answer."
        elif seconds > _SLOW:
            slow = replace(load, connections=1, seconds=run.seconds + math.ceil(3 * seconds))
            text = f"{answers} It is asked over one connection: more would wait in its queue."
            contenders.append(Contender(name, slow, text))
        else:
            contenders.append(Contender(name, load, answers))
    return contenders, unusable


async def _warm_answer(load: Load) -> tuple[str, float]:
    """Return what a server answers, in words, and the seconds of its fastest answer."""
    times = []
    async with ClientSession() as session:
        for _ in range(_WARM_UP):
            began = time.perf_counter()
            async with session.get(load.url, headers=load.headers) as answer:
                answer.raise_for_status()
                body = await answer.read()
            times.append(time.perf_counter() - began)
        kind = "JSON" if "json" in answer.content_type else "HTML, though asked for JSON,"
        return f"It answers {kind} of {len(body):,} bytes.", min(times)


def _row(project: str, one: Contender, load: Load, samples: Samples) -> Row:
    times = processor_times(("stageproxy", one.name), (load, one.load))
    return Row(GOALS[project, one.name], samples, f"{one.answers} {times}")


PART = Part("peers", "pages beside other servers", tuple(GOALS.values()), measure)
