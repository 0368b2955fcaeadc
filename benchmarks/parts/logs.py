"""What the access log costs, by a server that writes none."""

from collections.abc import AsyncIterator

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import processor_times
from benchmarks.parts.pages import PLAIN, Pages
from benchmarks.profiles import explained
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import SMALL

LOG = Goal("small merged page", "stageproxy without an access log", least=0.95)


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load the same page of a server that logs requests, and of one that logs warnings."""
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, "logs", upstream__url=upstream.url) as logs,
        running_stageproxy(
            run, "silent", upstream__url=upstream.url, log__level="warning"
        ) as silent,
    ):
        loads = []
        for server in (logs, silent):
            pages = await Pages.staged(run, server)
            loads.append(pages.load(pages.url(SMALL, SMALL), PLAIN))
        numbers = await alternate(run.rounds, *(load.rate for load in loads))
        row = Row(LOG, Samples(*numbers), processor_times(("stageproxy", "the other one"), loads))
        yield await explained(row, logs, loads[0].anew().rate)


PART = Part("logs", "the access log", (LOG,), measure)
