"""The packages of the extra `speedups`, beside a server without them."""

from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import processor_times
from benchmarks.parts.pages import PACKED, PLAIN, Pages
from benchmarks.rounds import alternate
from benchmarks.run import BUILD, Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL

EXTRA = "speedups"
_PACKAGES = ("isal",)

_WITHOUT = "stageproxy without the extra"

SMALL_PAGE = Goal("small merged page, with the extra `speedups`", _WITHOUT)
LARGE_PAGE = Goal("merged page of 4,400 files, plain, with the extra `speedups`", _WITHOUT)
LARGE_PACKED = Goal("merged page of 4,400 files, gzip, with the extra `speedups`", _WITHOUT)

_LOADS = {
    SMALL_PAGE: (SMALL, PLAIN),
    LARGE_PAGE: (LARGE, PLAIN),
    LARGE_PACKED: (LARGE, PACKED),
}


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load the same pages of a server with the packages, and of one without them."""
    hidden = hidden_packages()
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, "with", upstream__url=upstream.url) as with_,
        running_stageproxy(run, "without", packages=hidden, upstream__url=upstream.url) as without,
    ):
        servers = [await Pages.staged(run, one) for one in (with_, without)]
        for goal, (project, headers) in _LOADS.items():
            loads = [pages.load(pages.url(project, project), headers) for pages in servers]
            numbers = await alternate(run.rounds, *(load.rate for load in loads))
            yield Row(goal, Samples(*numbers), processor_times(("it", "the other one"), loads))


def hidden_packages() -> Path:
    """Return a folder in which the packages of the extra cannot be imported."""
    folder = BUILD / f"without-{EXTRA}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PACKAGES:
        (folder / f"{name}.py").write_text("raise ImportError\n")
    return folder


PART = Part(EXTRA, f"the extra `{EXTRA}`", tuple(_LOADS), measure)
