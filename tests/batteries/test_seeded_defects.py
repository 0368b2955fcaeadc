"""Each guarantee has a test that fails if it is broken: the defect is seeded, and the test is run.

In the short form, only that each defect can be seeded, and that its test exists.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.batteries.seeded_defects import DEFECTS, Defect
from tests.support.servers.processes import ROOT, CommandResult, own_environment, run

IGNORED = shutil.ignore_patterns("__pycache__", ".*")
TESTS_FAILED = 1
LATER = 2_000_000_000
"""A time that no file has, so that Python compiles the files again."""


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
    """Seed a defect in the copy, and remove it again."""
    path, good, bad = defect.seeded_in(copy)
    path.write_text(bad)
    os.utime(path, (LATER, LATER + DEFECTS.index(defect)))
    yield
    path.write_text(good)
    os.utime(path, (LATER, LATER - 1))


async def run_tests(copy: Path, *tests: str) -> CommandResult:
    """Run tests of the copy, with the code of the copy."""
    wanted = [f"tests/{one}" for one in tests]
    command = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *wanted)
    environment = {**own_environment(), "PYTHONPATH": str(copy)}
    return await run(*command, environment=environment, folder=copy)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.guarantee)
def test_defect_can_be_seeded(defect: Defect) -> None:
    """The code that a defect replaces occurs once, and the named test exists."""
    path, good, bad = defect.seeded_in(ROOT)
    file, _, test = defect.test.partition("::")

    assert good.count(defect.good) == 1
    compile(bad, path, "exec")
    assert f"def {test}" in (ROOT / "tests" / file).read_text()


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
