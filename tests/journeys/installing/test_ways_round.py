"""Workarounds for installers of projects, and settings outside of the project."""

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.installers import Installers
from tests.support.clients.projects import Sources
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.processes import Server, StageLinks

pytestmark = pytest.mark.journey

FIRST = a_wheel("demo", "2.0", requires_dist=["helper"], modules={"demo.py": "IS = 'first'\n"})
SECOND = a_wheel("demo", "2.0", requires_dist=["other"], modules={"demo.py": "IS = 'second'\n"})
WITH_SECOND = {"demo": "2.0", "other": "1.0"}

FROM_ENVIRONMENT = {"uv sync": "UV_DEFAULT_INDEX", "pdm": "PDM_PYPI_URL"}


@pytest.fixture
async def stage(server: Server) -> StageLinks:
    """Stage a release that is uploaded again later."""
    return await server.stage(FIRST)


@pytest.mark.parametrize("installer", ["poetry", "pdm"])
async def test_no_cache(
    server: Server, every_installer: Installers, stage: StageLinks, installer: str
) -> None:
    """With --no-cache, poetry and pdm get the new bytes and the new dependencies."""
    sources = Sources(stage.index)
    (await every_installer.install(installer, sources)).done.ok()
    await server.stage(SECOND)

    again = await every_installer.project(installer, sources).install("--no-cache")

    again.done.ok()
    assert again.installed == WITH_SECOND


async def test_poetry_with_a_source_of_another_name(
    server: Server, every_installer: Installers, stage: StageLinks
) -> None:
    """The cache of poetry is keyed by the name of the source: another name has an empty one."""
    (await every_installer.install("poetry", Sources(stage.index, name="before"))).done.ok()
    await server.stage(SECOND)

    again = await every_installer.install("poetry", Sources(stage.index, name="after"))

    again.done.ok()
    assert again.installed == WITH_SECOND


@pytest.mark.parametrize("installer", FROM_ENVIRONMENT)
async def test_stage_in_the_environment(
    every_installer: Installers, stage: StageLinks, installer: str
) -> None:
    """A project without an index installs from the stage in the environment."""
    project = every_installer.project(installer, Sources())

    done = await project.install(**{FROM_ENVIRONMENT[installer]: stage.index})

    done.done.ok()
    assert done.installed == {"demo": "2.0", "helper": "1.0"}


async def test_pipenv_with_a_mirror(every_installer: Installers, stage: StageLinks) -> None:
    """The mirror in PIPENV_PYPI_MIRROR replaces the usual source of a Pipfile."""
    project = every_installer.project("pipenv", Sources())
    settings = {"PIPENV_PYPI_MIRROR": stage.index, "PIP_TRUSTED_HOST": "127.0.0.1"}

    done = await project.install(**settings)

    done.done.ok()
    assert done.installed == {"demo": "2.0", "helper": "1.0"}


@pytest.mark.parametrize(
    ("requirement", "found"),
    [
        pytest.param("demo", {"demo": "1.0"}, id="anything"),
        pytest.param("demo>1", {"demo": "2.0", "helper": "1.0"}, id="what-only-the-stage-has"),
    ],
)
async def test_poetry_with_a_supplemental_source(
    every_installer: Installers,
    upstream: FakeIndex,
    stage: StageLinks,
    requirement: str,
    found: dict[str, str],
) -> None:
    """A supplemental source is used only for what the primary one cannot satisfy."""
    sources = Sources(f"{upstream.url}/simple/", only=stage.only)

    done = await every_installer.install("poetry", sources, requirement)

    done.done.ok()
    assert done.installed == found
