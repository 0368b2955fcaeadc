"""Archives that are made to do harm are refused, or harm nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stageproxy.core.verdict.archives import Contents
from stageproxy.core.verdict.filenames import parse_distribution_name
from stageproxy.store.files import FileStore
from stageproxy.store.inspection import Inspection, InspectionLimits
from tests.support.distributions import Distribution
from tests.support.hostile import HONEST_SDIST, HONEST_WHEEL, Fate, Hostile
from tests.support.hostile_tars import HOSTILE_SDISTS
from tests.support.hostile_zips import HOSTILE_WHEELS

SECONDS = 1.5


@pytest.fixture(scope="module")
def inspection() -> Iterator[Inspection]:
    """Return what looks into all of them, with little patience."""
    with Inspection(InspectionLimits(seconds=SECONDS, at_once=1)) as inspection:
        yield inspection


async def read(inspection: Inspection, folder: Path, distribution: Distribution) -> Contents:
    """Return what is found in a file that comes in."""
    async with FileStore(folder, inspection).receive() as file:
        await file.write(distribution.content)
        await file.finish()
        return await file.read_contents(parse_distribution_name(distribution.filename))


async def check(
    inspection: Inspection, folder: Path, honest: Distribution, hostile: Hostile
) -> None:
    """Look into an archive, and into an honest one behind it."""
    content = hostile.build()

    contents = await read(inspection, folder, Distribution(honest.filename, content))
    behind = await read(inspection, folder, honest)

    assert contents.core_metadata is not None or contents.problems
    if hostile.fate is Fate.REFUSED:
        assert contents.problems
    assert behind == Contents(honest.metadata)
    assert list((folder / "incoming").iterdir()) == []


@pytest.mark.parametrize("case", HOSTILE_WHEELS)
async def test_hostile_wheel(inspection: Inspection, tmp_path: Path, case: str) -> None:
    """Something is said of every wheel, and the next file is read as ever."""
    await check(inspection, tmp_path, HONEST_WHEEL, HOSTILE_WHEELS[case])


@pytest.mark.parametrize("case", HOSTILE_SDISTS)
async def test_hostile_sdist(inspection: Inspection, tmp_path: Path, case: str) -> None:
    """Something is said of every sdist, and the next file is read as ever."""
    await check(inspection, tmp_path, HONEST_SDIST, HOSTILE_SDISTS[case])
