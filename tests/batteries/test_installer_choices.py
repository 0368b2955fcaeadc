"""The table of impact is what pip and uv choose, for real projects and all targets."""

import json
import random
import sys
from pathlib import Path

import pytest

from stageproxy.core.review.impact.targets import DEFAULT_TARGETS
from tests.batteries.installer_choices import (
    PROJECTS,
    RECORDED,
    Release,
    compared_with_pip,
    differences,
    fetched,
    recorded,
)
from tests.batteries.installer_runs import PLATFORMS_OF_UV, installers
from tests.batteries.report import SEED, BatteryReport
from tests.support.servers.processes import own_environment, run

FACTS = {one["project"]: one for one in json.loads(RECORDED.read_text())}
GIL = [one for one in DEFAULT_TARGETS if one.implementation == "cp"]
"""The targets that uv knows, and pip of any version."""

NO_PIP = Path("/nonexistent")
"""The pip of this Python, which nothing else hides."""


def test_recorded_choices() -> None:
    """For each recorded project and target, the table has what pip chose of the same files."""
    violations: list[str] = []
    for facts in FACTS.values():
        release, today, after = recorded(facts)
        before, afterwards = release.table()
        violations += differences(release.project, "today", before, today)
        violations += differences(release.project, "afterwards", afterwards, after)

    counts = {"projects": len(FACTS), "targets": len(DEFAULT_TARGETS)}
    assert [*FACTS] == [*PROJECTS]
    BatteryReport("installer choices", SEED, counts, violations).check()


def test_recorded_releases_change_something() -> None:
    """The recorded projects have every kind of change that an addition of files can have."""
    kinds = {row.change.value for one in FACTS.values() for row in recorded(one)[0].impact().rows}

    assert {"updated", "stays", "nothing", "source-build", "gains-wheel"} <= kinds


def test_difference_is_found() -> None:
    """A choice that differs is named with its project, target and moment."""
    release, today, after = recorded(FACTS["numpy"])

    found = differences("numpy", "afterwards", release.table()[1], (*after[:-1], "other.whl"))

    assert len(found) == 1
    assert found[0].startswith(f"numpy, {DEFAULT_TARGETS[-1]}, afterwards: ")
    assert differences("numpy", "today", release.table()[0], today) == []


async def differences_of_runs(
    release: Release, folder: Path, *, pip: Path, seed: int, runs: int
) -> list[str]:
    """Return what `pip download` and `uv pip compile` choose otherwise, for some targets."""
    expected = dict(zip(DEFAULT_TARGETS, release.table()[1], strict=True))
    chosen = random.Random(seed)
    of_pip = chosen.sample(GIL if pip == NO_PIP else DEFAULT_TARGETS, runs)
    of_uv = chosen.sample([one for one in GIL if one.platform in PLATFORMS_OF_UV], runs)
    async with installers(release.project, release.listing, pip, folder) as asked:
        found = [
            *[("pip", one, await asked.pip_chooses(one, release.version)) for one in of_pip],
            *[("uv", one, await asked.uv_chooses(one, release.version)) for one in of_uv],
        ]
    return [
        f"{release.project}, {target}: the table has {expected[target]}, {name} chooses {file}"
        for name, target, file in found
        if file != expected[target]
    ]


@pytest.mark.journey
async def test_installers_run(tmp_path: Path) -> None:
    """Pip and uv, run on an index with the recorded files, ask for the file of the table."""
    release, _, _ = recorded(FACTS["cryptography"])

    found = await differences_of_runs(release, tmp_path, pip=NO_PIP, seed=SEED, runs=3)

    BatteryReport("installers run", SEED, {"runs": 6}, found).check()


@pytest.fixture
async def newest_pip(tmp_path: Path) -> Path:
    """Return a folder with the newest pip."""
    folder = tmp_path / "pip"
    install = ("-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), "pip")
    done = await run(sys.executable, *install, environment=own_environment())
    done.ok()
    return folder


@pytest.mark.battery
@pytest.mark.timeout(7200)
async def test_choices_of_today(newest_pip: Path, tmp_path: Path) -> None:
    """For the projects as they are today, the table has what the newest pip and uv choose."""
    violations: list[str] = []
    for place, project in enumerate(PROJECTS):
        release = await fetched(project)
        violations += await compared_with_pip(release, newest_pip)
        violations += await differences_of_runs(
            release.shortened(), tmp_path, pip=newest_pip, seed=SEED + place, runs=8
        )

    counts = {"projects": len(PROJECTS), "targets": len(DEFAULT_TARGETS)}
    BatteryReport("installer choices of today", SEED, counts, violations).check()
