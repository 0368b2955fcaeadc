"""A server with the packages of the extra `speedups`, beside one that cannot import them."""

import tomllib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from importlib.util import find_spec

from packaging.requirements import Requirement

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import processor_times
from benchmarks.parts.cold import staged_page
from benchmarks.parts.pages import PACKED, PLAIN, Pages
from benchmarks.rounds import alternate
from benchmarks.run import Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL
from tests.support.servers.processes import ROOT

EXTRA = "speedups"

_WITHOUT = "stageproxy without the extra"

SMALL_PAGE = Goal("small merged page, with the extra `speedups`", _WITHOUT)
LARGE_PAGE = Goal("merged page of 4,400 files, plain, with the extra `speedups`", _WITHOUT)
COLD = Goal("cold merged page of 4,400 files, gzip, with the extra `speedups`", _WITHOUT, "ms")


async def measure(run: Run) -> AsyncIterator[Row]:
    """Load the same pages of a server with the packages, and of one without them."""
    modules = [name for name in modules_of_extra() if find_spec(name)]
    if not modules:
        return
    used = f"With {', '.join(modules)}."
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, "with", upstream__url=upstream.url) as with_,
        running_stageproxy(run, "without", without=modules, upstream__url=upstream.url) as without,
    ):
        servers = [await Pages.staged(run, one) for one in (with_, without)]
        for goal, project in ((SMALL_PAGE, SMALL), (LARGE_PAGE, LARGE)):
            loads = [pages.load(pages.url(project, project), PLAIN) for pages in servers]
            numbers = await alternate(run.rounds, *(load.rate for load in loads))
            times = processor_times(("it", "the other one"), loads)
            yield Row(goal, Samples(*numbers), f"{used} {times}")
        page = await staged_page(run, upstream, PACKED)
        sides = (page.of_stageproxy, partial(page.of_stageproxy, without=modules))
        yield Row(COLD, Samples(*await alternate(run.rounds, *sides)), used)


def modules_of_extra() -> Sequence[str]:
    """Return the modules of the packages of the extra, which have their names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"].get(EXTRA, ())
    return [Requirement(one).name.replace("-", "_") for one in wanted]


PART = Part(EXTRA, f"the extra `{EXTRA}`", (SMALL_PAGE, LARGE_PAGE, COLD), measure)
