"""Each guarantee has a test that fails if it is broken: the defect is seeded, and the test is run.

In the short form, only that each defect can be seeded, and that its test exists.
"""

from itertools import chain
from pathlib import Path

import pytest

from tests.batteries.planted_defects import PLANTED
from tests.batteries.seeded_defects import DEFECTS, Defect
from tests.batteries.seeding import TESTS_FAILED, copy_of_the_code, run_tests, seeded
from tests.support.servers.processes import ROOT

EVERY_DEFECT = [*DEFECTS, *chain.from_iterable(PLANTED.values())]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code and its tests, to be broken."""
    return copy_of_the_code(tmp_path_factory.mktemp("seeded"))


@pytest.mark.parametrize("defect", EVERY_DEFECT, ids=lambda defect: defect.guarantee)
def test_defect_can_be_seeded(defect: Defect) -> None:
    """The code that a defect replaces occurs once, and the named test exists."""
    path, good, bad = defect.seeded_in(ROOT)
    file, _, test = defect.test.partition("::")

    assert good.count(defect.good) == 1
    compile(bad, path, "exec")
    assert f"def {test.partition('[')[0]}" in (ROOT / "tests" / file).read_text()


@pytest.mark.battery
async def test_named_tests_pass(copy: Path) -> None:
    """All named tests pass without a defect."""
    (await run_tests(copy, *{one.test for one in DEFECTS})).ok()


@pytest.mark.battery
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.guarantee)
async def test_defect_fails_its_test(copy: Path, defect: Defect) -> None:
    """With the defect, its test fails, and not because it cannot run."""
    with seeded(copy, defect):
        done = await run_tests(copy, defect.test)

    assert done.code == TESTS_FAILED, done.output
