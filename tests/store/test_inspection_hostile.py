"""Hostile archives are refused, or do no harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.rules.findings import Level
from stageproxy.core.rules.table import findings_of
from stageproxy.core.rules.upload import Upload
from stageproxy.store.files import FileStore
from stageproxy.store.inspection import Inspection
from stageproxy.store.inspection_process import InspectionLimits
from tests.support.builders.distributions import Distribution
from tests.support.builders.hostile import HONEST_SDIST, HONEST_WHEEL, Fate, Hostile, hostile_fields
from tests.support.builders.hostile_tars import HOSTILE_SDISTS
from tests.support.builders.hostile_zips import HOSTILE_WHEELS

SECONDS = 1.5


@pytest.fixture(scope="module")
def inspection() -> Iterator[Inspection]:
    """Return an inspection of hostile archives, with a short time limit."""
    with Inspection(InspectionLimits(seconds=SECONDS, at_once=1)) as inspection:
        yield inspection


async def judge(inspection: Inspection, folder: Path, distribution: Distribution) -> Fate:
    """Return the fate of a file, by everything that is found in it."""
    name = parse_distribution_name(distribution.filename)
    async with FileStore(folder, inspection).receive() as file:
        await file.write(distribution.content)
        received = await file.finish()
        contents = await file.read_contents(name, "token")
    digests = received.sha256, received.blake2b_256, received.md5
    form = tuple(hostile_fields(distribution))
    upload = Upload(form, name.filename, None, *digests, name, contents)
    levels = {finding.level for finding in findings_of(upload)}
    if Level.REFUSE in levels:
        return Fate.REFUSED
    return Fate.NOTED if levels else Fate.ANSWERED


async def check(
    inspection: Inspection, folder: Path, honest: Distribution, hostile: Hostile
) -> None:
    """Read an archive, then a harmless one."""
    content = hostile.build()

    fate = await judge(inspection, folder, Distribution(honest.filename, content))
    behind = await judge(inspection, folder, honest)

    assert fate >= hostile.fate
    assert behind is Fate.ANSWERED
    assert list((folder / "incoming").iterdir()) == []


@pytest.mark.parametrize("case", HOSTILE_WHEELS)
async def test_hostile_wheel(inspection: Inspection, tmp_path: Path, case: str) -> None:
    """Every hostile wheel has its result, and the next file is read."""
    await check(inspection, tmp_path, HONEST_WHEEL, HOSTILE_WHEELS[case])


@pytest.mark.parametrize("case", HOSTILE_SDISTS)
async def test_hostile_sdist(inspection: Inspection, tmp_path: Path, case: str) -> None:
    """Every hostile sdist has its result, and the next file is read."""
    await check(inspection, tmp_path, HONEST_SDIST, HOSTILE_SDISTS[case])
