"""Settings that exclude new releases exclude a staged one, which counts as released now."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.clients import Clients
from tests.support.clients.installers import Installers
from tests.support.clients.projects import Sources
from tests.support.servers.processes import Server, StageLinks

pytestmark = pytest.mark.journey

STAGED = a_wheel("demo", "2.0")
LISTED = {"demo": "1.0"}
NEW = {"demo": "2.0"}
YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
POETRY = "POETRY_SOLVER_MIN_RELEASE_AGE"
PDM = '\n[tool.pdm.resolution]\nexclude-newer = "{date}"\n'
PDM_EXCEPT = "[tool.pdm.resolution.exclude-newer-override]\ndemo = false\n"


@pytest.fixture
async def stage(server: Server) -> StageLinks:
    """Stage a 2.0 beside the published 1.0, which is old."""
    return await server.stage(STAGED)


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        pytest.param((), NEW, id="without"),
        pytest.param(("--uploaded-prior-to", "P1D"), LISTED, id="uploaded-prior-to"),
        pytest.param(("--uploaded-prior-to", "P0D"), NEW, id="zero-days"),
    ],
)
async def test_pip(
    clients: Clients, stage: StageLinks, flags: tuple[str, ...], found: dict[str, str]
) -> None:
    """--uploaded-prior-to applies to all projects; a later one with `P0D` disables it."""
    python = clients.new_environment()

    done = await clients.pip("install", "--index-url", stage.index, *flags, "demo", python=python)

    done.ok()
    assert await clients.installed(python) == found


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        pytest.param(("--exclude-newer", "1 day"), LISTED, id="exclude-newer"),
        pytest.param(
            ("--exclude-newer", "1 day", "--exclude-newer-package", "demo=false"),
            NEW,
            id="but-not-this-package",
        ),
    ],
)
async def test_uv(
    clients: Clients, stage: StageLinks, flags: tuple[str, ...], found: dict[str, str]
) -> None:
    """--exclude-newer hides the staged release, and --exclude-newer-package includes it."""
    python = clients.new_environment()
    into = ["pip", "install", "--python", str(python), "--default-index", stage.index]

    (await clients.uv(*into, *flags, "demo")).ok()

    assert await clients.installed(python) == found


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        pytest.param({POETRY: "1"}, LISTED, id="min-release-age"),
        pytest.param({POETRY: "1", f"{POETRY}_EXCLUDE": "demo"}, NEW, id="but-not-this-package"),
    ],
)
async def test_poetry(
    every_installer: Installers, stage: StageLinks, settings: dict[str, str], found: dict[str, str]
) -> None:
    """solver.min-release-age hides it, and solver.min-release-age-exclude includes it."""
    done = await every_installer.project("poetry", Sources(stage.index)).install(**settings)

    done.done.ok()
    assert done.installed == found


@pytest.mark.parametrize(
    ("more", "found"),
    [
        pytest.param(PDM, LISTED, id="exclude-newer"),
        pytest.param(PDM + PDM_EXCEPT, NEW, id="but-not-this-package"),
    ],
)
async def test_pdm(
    every_installer: Installers, stage: StageLinks, more: str, found: dict[str, str]
) -> None:
    """exclude-newer hides it, and exclude-newer-override includes it."""
    project = every_installer.project("pdm", Sources(stage.index))
    file = project.folder / project.by.file
    file.write_text(file.read_text() + more.format(date=YESTERDAY))

    done = await project.install()

    done.done.ok()
    assert done.installed == found
