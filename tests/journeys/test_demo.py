"""`stageproxy demo`: the first thing that a newcomer runs."""

import sys
from pathlib import Path

import pytest

from tests.support.processes import own_environment, run

pytestmark = [pytest.mark.journey, pytest.mark.network]

MINUTE = 60


def left_in(folder: Path) -> list[str]:
    """Return the names of what a folder has."""
    return [path.name for path in folder.iterdir()]


async def test_demo(tmp_path: Path) -> None:
    """The demo stages, installs and uses a release within a minute, and leaves nothing behind."""
    temporary, here = tmp_path / "temporary", tmp_path / "here"
    temporary.mkdir()
    here.mkdir()
    environment = {**own_environment(), "TMPDIR": str(temporary)}

    command = [sys.executable, "-m", "stageproxy", "demo"]
    done = await run(*command, environment=environment, folder=here, seconds=MINUTE)

    assert "stageproxy-demo 1.0 works, with packaging" in done.ok().stdout
    assert (done.stderr, left_in(temporary), left_in(here)) == ("", [], [])


async def test_demo_fails(tmp_path: Path) -> None:
    """A demo whose server cannot start says why, and leaves nothing behind either."""
    mistaken = {"STAGEPROXY_STAGE__LIFETIME": "soon", "TMPDIR": str(tmp_path)}

    command = [sys.executable, "-m", "stageproxy", "demo"]
    done = await run(*command, environment={**own_environment(), **mistaken}, seconds=MINUTE)

    assert (done.code, "stage.lifetime" in done.stderr) == (1, True)
    assert left_in(tmp_path) == []
