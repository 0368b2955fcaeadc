"""Each guarantee has a test that fails where it is broken: the defect is seeded, the test run.

In short form: that each defect can still be seeded, and its test is there.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.batteries.seeded_defects import DEFECTS, Defect
from tests.support.servers.processes import ROOT, Finished, own_environment, run

IGNORED = shutil.ignore_patterns("__pycache__", ".*")
TESTS_FAILED = 1
LATER = 2_000_000_000
"""A time that no file has: Python compiles anew what has another one."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code and its tests, to be broken."""
    folder = tmp_path_factory.mktemp("seeded")
    for name in ("stageproxy", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=IGNORED)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@contextmanager
def seeded(copy: Path, defect: Defect) -> Iterator[None]:
    """Break the copy, and mend it again."""
    path, good, bad = defect.seeded_in(copy)
    path.write_text(bad)
    os.utime(path, (LATER, LATER + DEFECTS.index(defect)))
    yield
    path.write_text(good)
    os.utime(path, (LATER, LATER - 1))


async def tested(copy: Path, *tests: str) -> Finished:
    """Run tests of the copy, over the code of the copy."""
    wanted = [f"tests/{one}" for one in tests]
    command = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *wanted)
    environment = {**own_environment(), "PYTHONPATH": str(copy)}
    return await run(*command, environment=environment, folder=copy)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.guarantee)
def test_defect_can_be_seeded(defect: Defect) -> None:
    """What a defect replaces stands once in the code, and the test that it names is there."""
    path, good, bad = defect.seeded_in(ROOT)
    file, _, test = defect.test.partition("::")

    assert good.count(defect.good) == 1
    compile(bad, path, "exec")
    assert f"def {test}" in (ROOT / "tests" / file).read_text()


@pytest.mark.battery
async def test_nothing_is_red_without_a_defect(copy: Path) -> None:
    """All of the tests that are named succeed on code that is whole."""
    (await tested(copy, *{one.test for one in DEFECTS})).ok()


@pytest.mark.battery
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.guarantee)
async def test_defect_turns_its_test_red(copy: Path, defect: Defect) -> None:
    """With the defect its test fails, and not because nothing can be run."""
    with seeded(copy, defect):
        done = await tested(copy, defect.test)

    assert done.code == TESTS_FAILED, done.output
