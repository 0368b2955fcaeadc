"""What lock files and reports store of a stage's URL, and how they fail when it has ended."""

import tomllib
from pathlib import Path

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import Clients
from tests.support.clients.installers import Installers
from tests.support.clients.projects import PROJECTS, Sources
from tests.support.servers.processes import Server, StageLinks

pytestmark = pytest.mark.journey

STAGED = a_wheel("demo", "2.0", requires_dist=["helper"])
UPLOADED_AGAIN = a_wheel("demo", "2.0", summary="Another demo")
HOLD_THE_URL = {"uv sync": True, "poetry": True, "pdm": False, "pipenv": True}


@pytest.fixture
async def stage(server: Server) -> StageLinks:
    """Stage a 2.0 that requires a project that only upstream has."""
    return await server.stage(STAGED)


@pytest.mark.parametrize("installer", PROJECTS)
async def test_lock_file(
    server: Server, every_installer: Installers, stage: StageLinks, installer: str
) -> None:
    """All but pdm's contain the URL of the stage with its token.

    None survives a re-upload or the end.
    """
    project = every_installer.project(installer, Sources(stage.index))
    (await project.lock()).ok()

    await server.stage(UPLOADED_AGAIN)
    replaced = await project.sync()
    (await server.command("stage", "cancel", stage.url)).ok()
    ended = await project.sync()

    assert (stage.url in project.locked) is HOLD_THE_URL[installer]
    assert [(one.done.code != 0, "demo" in one.installed) for one in (replaced, ended)] == (
        [(True, False), (True, False)]
    )


async def test_pip_lock(clients: Clients, stage: StageLinks, tmp_path: Path) -> None:
    """`pip lock` pins the staged file by its hash and its URL, which contains the token."""
    written = tmp_path / "pylock.toml"

    done = await clients.pip("lock", "--index-url", stage.index, "-o", str(written), "demo")

    done.ok()
    packages = {
        one["name"]: one["wheels"][0] for one in tomllib.loads(written.read_text())["packages"]
    }
    assert set(packages) == {"demo", "helper"}
    assert packages["demo"]["hashes"] == {"sha256": STAGED.sha256}
    assert packages["demo"]["url"].startswith(f"{stage.url}packages/")


async def test_pip_installs_what_it_has_locked(
    server: Server, clients: Clients, stage: StageLinks, tmp_path: Path
) -> None:
    """pylock.toml installs while the stage is live, and fails with 410 afterwards."""
    written = tmp_path / "pylock.toml"
    (await clients.pip("lock", "--index-url", stage.index, "-o", str(written), "demo")).ok()
    install = ["pip", "install", "--no-cache", "-r", str(written)]

    before, after = clients.new_environment(), clients.new_environment()
    (await clients.uv(*install, "--python", str(before))).ok()
    (await server.command("stage", "cancel", stage.url)).ok()
    done = await clients.uv(*install, "--python", str(after))

    assert await clients.installed(before) == {"demo": "2.0", "helper": "1.0"}
    assert (done.code, "410 Gone" in done.output) == (2, True), done.output
    assert await clients.installed(after) == {}
