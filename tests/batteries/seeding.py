"""A copy of the code and its tests, in which defects are seeded."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.batteries.seeded_defects import Defect
from tests.support.servers.processes import ROOT, CommandResult, own_environment, run

IGNORED = shutil.ignore_patterns("__pycache__", ".*")
TESTS_FAILED = 1
LATER = count(2_000_000_000)
"""Times that no file has, so that Python compiles the files again."""
LONGEST_RUN = 600


def copy_of_the_code(folder: Path) -> Path:
    """Return a copy of the code and its tests, to be broken."""
    for name in ("stageproxy", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=IGNORED)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@contextmanager
def seeded(copy: Path, defect: Defect) -> Iterator[None]:
    """Seed a defect in the copy, and remove it again."""
    path, good, bad = defect.seeded_in(copy)
    path.write_text(bad)
    os.utime(path, (later := next(LATER), later))
    yield
    path.write_text(good)
    os.utime(path, (later := next(LATER), later))


async def run_tests(copy: Path, *tests: str) -> CommandResult:
    """Run tests of the copy, with the code of the copy."""
    wanted = [f"tests/{one}" for one in tests]
    command = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *wanted)
    environment = {**own_environment(), "PYTHONPATH": str(copy)}
    return await run(*command, environment=environment, folder=copy, seconds=LONGEST_RUN)
