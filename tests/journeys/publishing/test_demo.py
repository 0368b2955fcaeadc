"""`stageproxy demo`: the first command of a new user."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.processes import own_environment, run
from tests.support.servers.stub_server import StubServer, running_stub_server

pytestmark = [pytest.mark.journey, pytest.mark.network]

MINUTE = 60


@pytest.fixture
def stub_server() -> Iterator[StubServer]:
    """Return a server that is not the demo's."""
    with running_stub_server() as stub_server:
        yield stub_server


def left_in(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return [path.name for path in folder.iterdir()]


async def test_demo(tmp_path: Path) -> None:
    """The demo stages, publishes and installs a release in a minute, and leaves nothing behind."""
    temporary, here = tmp_path / "temporary", tmp_path / "here"
    temporary.mkdir()
    here.mkdir()
    environment = {**own_environment(), "TMPDIR": str(temporary)}

    command = [sys.executable, "-m", "stageproxy", "demo"]
    done = await run(*command, environment=environment, folder=here, seconds=MINUTE)

    assert done.ok().stdout.count("stageproxy-demo 1.0 works, with packaging") == 2
    assert "stageproxy-demo 1.0 is published." in done.stdout
    assert (done.stderr, left_in(temporary), left_in(here)) == ("", [], [])


async def test_demo_publishes_on_this_machine_only(tmp_path: Path, stub_server: StubServer) -> None:
    """The release of the demo stays on this machine, whatever the environment contains."""
    elsewhere = {
        "STAGEPROXY_PROMOTION__REPOSITORY_URL": f"{stub_server.url}/legacy/",
        "STAGEPROXY_PROMOTION__INDEX_URL": f"{stub_server.url}/simple/",
        "STAGEPROXY_PROMOTION__TOKEN": "pypi-real",
        "TMPDIR": str(tmp_path),
    }

    command = [sys.executable, "-m", "stageproxy", "demo"]
    done = await run(*command, environment={**own_environment(), **elsewhere}, seconds=MINUTE)

    assert "stageproxy-demo 1.0 is published." in done.ok().stdout
    assert stub_server.authorizations == []


async def test_demo_fails(tmp_path: Path) -> None:
    """A demo whose server cannot start reports why, and leaves nothing behind."""
    mistaken = {"STAGEPROXY_STAGE__LIFETIME": "soon", "TMPDIR": str(tmp_path)}

    command = [sys.executable, "-m", "stageproxy", "demo"]
    done = await run(*command, environment={**own_environment(), **mistaken}, seconds=MINUTE)

    assert (done.code, "stage.lifetime" in done.stderr) == (1, True)
    assert left_in(tmp_path) == []
