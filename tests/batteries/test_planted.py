"""Batteries that must not pass: each runs in its short form on a copy with a planted defect."""

from pathlib import Path

import pytest

from tests.batteries.planted_defects import PLANTED
from tests.batteries.report import SEED, BatteryReport
from tests.batteries.seeded_defects import Defect
from tests.batteries.seeding import TESTS_FAILED, copy_of_the_code, run_tests, seeded

FIRST = PLANTED["stages"][0]
"""It is planted with every change, the others before releases."""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("battery", "defect"),
    [
        pytest.param(
            battery,
            one,
            id=f"{battery}, {one.guarantee}",
            marks=pytest.mark.journey if one is FIRST else pytest.mark.battery,
        )
        for battery, defects in PLANTED.items()
        for one in defects
    ],
)
async def test_planted_defect(tmp_path: Path, battery: str, defect: Defect) -> None:
    """The battery finds the defect: its test fails, and not because it cannot run."""
    copy = copy_of_the_code(tmp_path / "copy")
    with seeded(copy, defect):
        done = await run_tests(copy, defect.test)

    assert done.code in {0, TESTS_FAILED}, done.output
    found = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    BatteryReport(battery, SEED, {"found": len(found)}, found, defect.guarantee).check()
