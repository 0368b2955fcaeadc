"""The commands that the server prints, run as they are by pip and uv."""

import shlex
from collections.abc import AsyncIterator

import pytest

from stageproxy.core.stage.install_commands import install_commands
from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import Clients
from tests.support.clients.installers import Installers
from tests.support.clients.projects import Sources
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, ServerStart, StageLinks, run

pytestmark = pytest.mark.journey


@pytest.fixture
async def server(start_server: ServerStart, upstream: FakeIndex) -> AsyncIterator[Server]:
    """Run a server that listens on all addresses, which pip does not trust by itself."""
    settings = {"UPSTREAM__URL": upstream.url, "SERVER__HOST": "0.0.0.0"}
    async with start_server(settings=settings) as running:
        yield running


@pytest.fixture
async def stage(server: Server) -> StageLinks:
    """Stage a pre-release."""
    return await server.stage(a_wheel("demo", "2.0rc1"))


async def test_page_has_commands_that_work(
    clients_with_system_pip: Clients, server: Server, stage: StageLinks
) -> None:
    """Over HTTP, from an address that is not this machine's own, both install the release."""
    clients = clients_with_system_pip
    commands = install_commands(stage.url, "demo", "2.0rc1")
    python, other = clients.new_environment(), clients.new_environment()

    pip = await clients.pip(*shlex.split(commands.pip)[1:], "--no-cache-dir", python=python)
    uv = await clients.uv(*shlex.split(commands.uv)[1:], "--python", str(other))

    pip.ok()
    uv.ok()
    _, page = await server.ask("GET", stage.url, headers={"Accept": "text/html"})
    assert {f"<pre>{one}</pre>" in page.decode() for one in (commands.pip, commands.uv)} == {True}
    assert await clients.installed(python) == await clients.installed(other) == {"demo": "2.0rc1"}


async def test_pip_needs_the_trusted_host(
    clients_with_system_pip: Clients, stage: StageLinks
) -> None:
    """Without the option in the printed command, pip ignores the stage."""
    clients = clients_with_system_pip
    command = shlex.split(install_commands(stage.url, "demo", "2.0rc1").pip)
    place = command.index("--trusted-host")

    pip = await clients.pip(
        *command[1:place], *command[place + 2 :], "--no-cache-dir", python=clients.new_environment()
    )

    assert pip.code == 1
    assert "is not a trusted or secure host" in pip.output


PROJECT_COMMANDS = ("poetry", "pdm", "poetry_beside", "pdm_beside")


@pytest.mark.parametrize("name", PROJECT_COMMANDS)
async def test_commands_in_a_project(
    every_installer: Installers, upstream: FakeIndex, stage: StageLinks, name: str
) -> None:
    """In a new project, poetry and pdm add exactly the staged release, also beside an index."""
    tool, _, beside = name.partition("_")
    sources = Sources(f"{upstream.url}/simple/") if beside else Sources()
    project = every_installer.project(tool, sources, requirement="helper")
    python = every_installer.clients.new_environment()
    path = every_installer.tools.command(tool).parent
    command = getattr(install_commands(stage.url, "demo", "2.0rc1"), name)

    done = await run(
        *("bash", "-c", f"PATH={path}:$PATH; {command}"),
        environment=every_installer.environment(python),
        folder=project.folder,
    )

    done.ok()
    installed = await every_installer.clients.installed(python)
    assert installed == {"demo": "2.0rc1", "helper": "1.0"}
