"""Every installer, through a stage: at first, after a re-upload, after the end, beside others.

What each was seen to do is a table of the documentation, which `test_ways_round.py` goes on from.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.installers import ALL, Desk, Outcome
from tests.support.clients.matrix import VERSION, YES, ClientMatrix
from tests.support.clients.projects import Sources
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server

pytestmark = pytest.mark.journey

FIRST = a_wheel("demo", "2.0", requires_dist=["helper"], modules={"demo.py": "IS = 'first'\n"})
SECOND = a_wheel("demo", "2.0", requires_dist=["other"], modules={"demo.py": "IS = 'second'\n"})
WITH_FIRST = {"demo": "2.0", "helper": "1.0"}
WITH_SECOND = {"demo": "2.0", "other": "1.0"}
LISTED = {"demo": "1.0"}

FAILS = "fails"
SHOWS_410 = "fails, shows 410"
FALLS_BACK = "takes 1.0 of the other index"
OLD_DEPENDENCIES = "old dependencies, unless with `--no-cache`"
UNLESS_UNCACHED = "fails, unless with `--no-cache`"
GONE = re.compile(r"\b410 (Client Error|Gone)")

ROWS = (
    "first install",
    "after a re-upload",
    "after its end",
    "`+only` beside another index, `demo==2.0`",
    "`+only` after the end, `demo==2.0`",
    "`+only` after the end, not pinned",
)
SEEN: Mapping[str, tuple[str, ...]] = {
    "pip": (YES, YES, FAILS, YES, FAILS, FALLS_BACK),
    "uv pip": (YES, YES, SHOWS_410, YES, SHOWS_410, SHOWS_410),
    "uv sync": (YES, YES, SHOWS_410, YES, SHOWS_410, SHOWS_410),
    "poetry": (YES, UNLESS_UNCACHED, SHOWS_410, YES, SHOWS_410, FALLS_BACK),
    "pdm": (YES, OLD_DEPENDENCIES, FAILS, YES, FAILS, FALLS_BACK),
    "pipenv": (YES, YES, FAILS, YES, FAILS, FAILS),
}
LIFE, BESIDE = slice(0, 3), slice(3, 6)


@dataclass(frozen=True, slots=True)
class Notes:
    """What one installer was seen to do goes to the table `installers`."""

    matrix: ClientMatrix
    installer: str

    def saw(self, rows: slice, *outcomes: str) -> None:
        """Note outcomes."""
        for row, outcome in zip(ROWS[rows], outcomes, strict=True):
            self.matrix.saw("installers", row, self.installer, outcome)


@pytest.fixture
async def notes(client_matrix: ClientMatrix, every_installer: Desk, installer: str) -> Notes:
    """Return where to note what the installer does; its version is noted at once."""
    version = await every_installer.version(installer)
    client_matrix.saw("installers", VERSION, installer, version)
    return Notes(client_matrix, installer)


def told(outcome: Outcome, wanted: Mapping[str, str], *, failed: str = FAILS) -> str:
    """Return in a few words what an installation came to. One that fails leaves no `demo`."""
    if outcome.done.code:
        assert "demo" not in outcome.installed
        return SHOWS_410 if GONE.search(outcome.done.output) else failed
    said = {str(WITH_FIRST): OLD_DEPENDENCIES, str(LISTED): FALLS_BACK, str(wanted): YES}
    return said[str(outcome.installed)]


@pytest.mark.parametrize("installer", ALL)
async def test_life_of_a_stage(
    server: Server, every_installer: Desk, installer: str, notes: Notes
) -> None:
    """The staged release installs; then it is uploaded anew, and canceled, over warm caches."""
    stage = await server.stage(FIRST)
    sources = Sources(stage.index)

    first = told(await every_installer.install(installer, sources), WITH_FIRST)
    await server.stage(SECOND)
    again = await every_installer.install(installer, sources)
    second = told(again, WITH_SECOND, failed=UNLESS_UNCACHED)
    (await server.command("stage", "cancel", stage.url)).ok()
    last = told(await every_installer.install(installer, sources), {})

    assert (first, second, last) == SEEN[installer][LIFE]
    notes.saw(LIFE, first, second, last)


@pytest.mark.parametrize("installer", ALL)
async def test_beside_another_index(
    server: Server, upstream: FakeIndex, every_installer: Desk, installer: str, notes: Notes
) -> None:
    """`+only` adds the staged release to another index; when it is over, a pin is kept to."""
    stage = await server.stage(FIRST)
    sources = Sources(f"{upstream.url}/simple/", only=stage.only)

    pinned = told(await every_installer.install(installer, sources, "demo==2.0"), WITH_FIRST)
    (await server.command("stage", "cancel", stage.url)).ok()
    pinned_then = told(await every_installer.install(installer, sources, "demo==2.0"), {})
    free_then = told(await every_installer.install(installer, sources), {})

    assert (pinned, pinned_then, free_then) == SEEN[installer][BESIDE]
    notes.saw(BESIDE, pinned, pinned_then, free_then)
