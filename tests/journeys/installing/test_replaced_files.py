"""A file is replaced under its name, and installers with warm caches get the new one."""

import json

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import INSTALLERS, Clients, Installer
from tests.support.servers.complete_log import complete_log
from tests.support.servers.processes import Server, StageLinks

pytestmark = pytest.mark.journey

FIRST = a_wheel("demo", "2.0", requires_dist=["helper"], modules={"demo.py": "IS = 'first'\n"})
SECOND = a_wheel("demo", "2.0", requires_dist=["other"], modules={"demo.py": "IS = 'second'\n"})
WHICH = "import demo; print(demo.IS)"


async def file_url(server: Server, stage: StageLinks) -> str:
    """Return the URL of the only file in a stage."""
    _, body = await server.ask("GET", stage.url, headers={"Accept": "application/json"})
    (file,) = json.loads(body)["files"].values()
    return str(file["link"])


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_install_after_a_replacement(
    server: Server, clients: Clients, installer: Installer
) -> None:
    """With the caches of the first installation, the second gets the new bytes and dependency."""
    stage = await server.stage(FIRST)
    first, done = await clients.install(installer, stage.index, "demo")
    done.ok()
    former_url = await file_url(server, stage)

    await server.stage(SECOND)
    second, done = await clients.install(installer, stage.index, "demo")

    done.ok()
    assert await clients.python(first, WHICH) == "first"
    assert await clients.installed(first) == {"demo": "2.0", "helper": "1.0"}
    assert await clients.python(second, WHICH) == "second"
    assert await clients.installed(second) == {"demo": "2.0", "other": "1.0"}
    assert (await server.ask("GET", former_url))[0] == 410


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_caches_are_warm(server: Server, clients: Clients, installer: Installer) -> None:
    """A second installation only revalidates the page.

    Without warm caches the journey above would prove nothing.
    """
    stage = await server.stage(FIRST)
    (await clients.install(installer, stage.index, "demo"))[1].ok()
    before = await complete_log(server)

    (await clients.install(installer, stage.index, "demo"))[1].ok()

    log = (await complete_log(server)).removeprefix(before)
    asked = [
        line.split(" GET ")[1].split()[:2] for line in log.splitlines() if " GET /tmp/" in line
    ]
    assert [one for one in asked if "helper" not in one[0]] == [
        ["/tmp/demo/***/simple/demo/", "304"]
    ]


@pytest.mark.parametrize("installer", INSTALLERS)
async def test_install_after_a_withdrawal(
    server: Server, clients: Clients, installer: Installer
) -> None:
    """A withdrawn file is not installed any more, with warm caches too."""
    stage = await server.stage(FIRST)
    (await clients.install(installer, stage.index, "demo"))[1].ok()

    (await server.command("stage", "remove", stage.url, FIRST.filename)).ok()
    python, done = await clients.install(installer, stage.index, "demo")

    done.ok()
    assert await clients.installed(python) == {"demo": "1.0"}
