"""What 10,000 stages cost that nobody looks at."""

import time
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import ClientSession

from benchmarks.goals import Figure, Goal, Row, Samples
from benchmarks.loads import processor_times
from benchmarks.parts.pages import PLAIN, Pages
from benchmarks.processor import memory_of
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.kept_stages import keep_stages
from benchmarks.servers.stageproxy import Profiled, running_stageproxy
from benchmarks.servers.upstream import SMALL

STAGES = 10_000

_ONE = "the same page with one stage"

PAGE = Goal("small merged page with 10,000 stages of 60 files", _ONE, least=0.95)
MEMORY = Goal("memory with 10,000 stages", unit="MB", figure=Figure.ALONE, most=150)
LIST = Goal("first page of `GET /api/stages`", unit="ms", figure=Figure.ALONE, most=50)


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load the same page on a server with one more stage, and on one with 10,000 more."""
    await keep_stages(run.new_folder("many"), STAGES)
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, "many", upstream__url=upstream.url) as many,
        running_stageproxy(run, "one", upstream__url=upstream.url) as one,
    ):
        loads = []
        for server in (many, one):
            pages = await Pages.staged(run, server)
            loads.append(pages.load(pages.url(SMALL, SMALL), PLAIN))
        numbers = await alternate(run.rounds, *(load.rate for load in loads))
        limit = processor_times(("the server with 10,000", "that with one"), loads)
        row = Row(PAGE, Samples(*numbers), limit)
        yield await explained(row, many, loads[0].anew().rate)
        times = [await _list(many) for _ in range(run.rounds)]
        row = Row(LIST, Samples(times), f"The first time it took {times[0]:.0f} ms.")
        yield await explained(row, many, partial(_list, many))
        memory = memory_of(many.pid) / 1e6
        alone = memory_of(one.pid) / 1e6
        yield Row(MEMORY, Samples([memory]), f"The server with one stage has {alone:.0f} MB.")


async def _list(ours: Profiled) -> float:
    """Return the milliseconds of the first page of all stages."""
    headers = {"Authorization": f"Bearer {ours.server.admin_token}"}
    async with ClientSession(headers=headers) as session:
        began = time.perf_counter()
        async with session.get(f"{ours.server.url}/api/stages") as answer:
            answer.raise_for_status()
            await answer.read()
        return (time.perf_counter() - began) * 1000


PART = Part("stages", "10,000 stages of 60 files", (PAGE, MEMORY, LIST), measure)
