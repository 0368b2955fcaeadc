"""The packages of the extra `speedups`, beside a server without them."""

import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from benchmarks.goals import Goal, Row, Samples
from benchmarks.loads import processor_times
from benchmarks.parts.pages import PACKED, PLAIN, Pages
from benchmarks.rounds import alternate
from benchmarks.run import BUILD, Part, Run
from benchmarks.servers.children import running_child
from benchmarks.servers.stageproxy import running_stageproxy
from benchmarks.servers.upstream import LARGE, SMALL
from tests.support.servers.processes import ROOT

EXTRA = "speedups"

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
    wanted = wanted_packages()
    if not wanted:
        return
    packages = installed_packages(wanted)
    async with (
        running_child("upstream") as upstream,
        running_stageproxy(run, "with", packages=packages, upstream__url=upstream.url) as with_,
        running_stageproxy(run, "without", upstream__url=upstream.url) as without,
    ):
        servers = [await Pages.staged(run, one) for one in (with_, without)]
        for goal, (project, headers) in _LOADS.items():
            loads = [pages.load(pages.url(project, project), headers) for pages in servers]
            numbers = await alternate(run.rounds, *(load.rate for load in loads))
            yield Row(goal, Samples(*numbers), processor_times(("it", "the other one"), loads))


def wanted_packages() -> Sequence[str]:
    """Return the packages of the extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted: Sequence[str] = project["optional-dependencies"].get(EXTRA, ())
    return wanted


def installed_packages(wanted: Sequence[str]) -> Path:
    """Return a folder with packages that are not in this environment."""
    folder = BUILD / EXTRA
    command = (sys.executable, "-m", "pip", "install", "--quiet", "--upgrade")
    subprocess.run((*command, "--target", str(folder), *wanted), check=True)  # noqa: S603
    return folder


PART = Part(EXTRA, f"the extra `{EXTRA}`", tuple(_LOADS), measure)
