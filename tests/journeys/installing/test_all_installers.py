"""Every installer and a stage: the first installation, a re-upload, the end, a second index.

The results are a table of the documentation, to which `test_ways_round.py` adds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.installers import ALL, Installation, Installers
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
    """The results of one installer, for the table `installers`."""

    matrix: ClientMatrix
    installer: str

    def note(self, rows: slice, *outcomes: str) -> None:
        """Note outcomes."""
        for row, outcome in zip(ROWS[rows], outcomes, strict=True):
            self.matrix.note("installers", row, self.installer, outcome)


@pytest.fixture
async def notes(client_matrix: ClientMatrix, every_installer: Installers, installer: str) -> Notes:
    """Return the notes for an installer; its version is noted first."""
    version = await every_installer.version(installer)
    client_matrix.note("installers", VERSION, installer, version)
    return Notes(client_matrix, installer)


def outcome_of(outcome: Installation, wanted: Mapping[str, str], *, failed: str = FAILS) -> str:
    """Return the outcome of an installation in a few words. A failed one installs no `demo`."""
    if outcome.done.code:
        assert "demo" not in outcome.installed
        return SHOWS_410 if GONE.search(outcome.done.output) else failed
    texts = {str(WITH_FIRST): OLD_DEPENDENCIES, str(LISTED): FALLS_BACK, str(wanted): YES}
    return texts[str(outcome.installed)]


@pytest.mark.parametrize("installer", ALL)
async def test_life_of_a_stage(
    server: Server, every_installer: Installers, installer: str, notes: Notes
) -> None:
    """The staged release is installed, replaced by other bytes, and canceled, with warm caches."""
    stage = await server.stage(FIRST)
    sources = Sources(stage.index)

    first = outcome_of(await every_installer.install(installer, sources), WITH_FIRST)
    await server.stage(SECOND)
    again = await every_installer.install(installer, sources)
    second = outcome_of(again, WITH_SECOND, failed=UNLESS_UNCACHED)
    (await server.command("stage", "cancel", stage.url)).ok()
    last = outcome_of(await every_installer.install(installer, sources), {})

    assert (first, second, last) == SEEN[installer][LIFE]
    notes.note(LIFE, first, second, last)


@pytest.mark.parametrize("installer", ALL)
async def test_beside_another_index(
    server: Server, upstream: FakeIndex, every_installer: Installers, installer: str, notes: Notes
) -> None:
    """`+only` adds the staged release to another index.

    After the end, a pinned version still counts.
    """
    stage = await server.stage(FIRST)
    sources = Sources(f"{upstream.url}/simple/", only=stage.only)

    pinned = outcome_of(await every_installer.install(installer, sources, "demo==2.0"), WITH_FIRST)
    (await server.command("stage", "cancel", stage.url)).ok()
    pinned_then = outcome_of(await every_installer.install(installer, sources, "demo==2.0"), {})
    free_then = outcome_of(await every_installer.install(installer, sources), {})

    assert (pinned, pinned_then, free_then) == SEEN[installer][BESIDE]
    notes.note(BESIDE, pinned, pinned_then, free_then)
