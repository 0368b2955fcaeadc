"""Hostile archives and modules that are read for a review."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from stageproxy.ports import ReviewedFile
from stageproxy.store.inspection_process import InspectionLimits
from stageproxy.store.review_inspection import REVIEW_LIMITS, ReviewInspection
from tests.batteries.report import SEED, BatteryReport
from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.builders.hostile import HONEST_SDIST, HONEST_WHEEL
from tests.support.builders.hostile_tars import HOSTILE_SDISTS
from tests.support.builders.hostile_zips import HOSTILE_WHEELS
from tests.support.servers.inspection_processes import inspection_processes, memory_of

MIB = 2**20
Case = tuple[str, str, Callable[[], bytes]]
"""A filename, a name for people, and what builds the archive."""

MODULES: Mapping[str, str] = {
    "nested calls": "f(" * 90 + ")" * 90,
    "nested too deeply": "(" * 100_000,
    "a chain of operators": "x = " + " + ".join(["1"] * 60_000),
    "a chain of attributes": "x" + ".y" * 80_000,
    "a chain of comparisons": "x" + " < y" * 60_000,
    "spaces only": f"x = 1{' ' * 500_000}\n",
    "tabs and no end": "\t" * 500_000 + "x",
    "many assignments of decoded data": "import base64\na0 = base64.b64decode(b'')\n"
    + "".join(f"a{n} = a{n - 1}\n" for n in range(1, 20_000))
    + "exec(a19999)\n",
    "a renaming in a circle": "a = b\nb = a\na = exec\n" * 5000,
    "many functions that decode": "".join(
        f"def f{n}(x):\n    return f{n + 1}(x)\n" for n in range(9000)
    )
    + "exec(f0(b''))\n",
    "many literals": "x = [" + ("'" + "QUJD" * 200 + "',") * 500 + "]",
    "a large number": f"x = {'9' * 100_000}\n",
    "nested functions": "".join(f"{' ' * n}def f{n}():\n" for n in range(90)) + " " * 90 + "pass\n",
    "nested f-strings": "x = " + "f'{" * 40 + "1" + "}'" * 40,
    "nothing but NUL": "\0" * 5000,
}


ARCHIVES: Sequence[Case] = [
    *((HONEST_WHEEL.filename, case, one.build) for case, one in HOSTILE_WHEELS.items()),
    *((HONEST_SDIST.filename, case, one.build) for case, one in HOSTILE_SDISTS.items()),
]


def wheel_of(source: str) -> bytes:
    """Return a wheel with a hostile module."""
    return a_wheel(modules={"demo/__init__.py": "", "demo/hostile.py": source}).content


HOSTILE_MODULES: Sequence[Case] = [
    (HONEST_WHEEL.filename, case, partial(wheel_of, source)) for case, source in MODULES.items()
]


async def reviews(
    folder: Path, cases: Sequence[Case], limits: InspectionLimits = REVIEW_LIMITS, planted: str = ""
) -> BatteryReport:
    """Review each hostile artifact beside an honest one, and report what ended its process."""
    odd, slowest, largest = [], 0.0, 0
    honest = {one.filename: saved(folder, one) for one in (HONEST_WHEEL, HONEST_SDIST)}
    with ReviewInspection(limits) as inspection:
        for filename, case, build in cases:
            after = saved(folder, Distribution(filename, await asyncio.to_thread(build)))
            began = time.monotonic()
            review = await inspection.review(after, honest[filename], "battery")
            slowest = max(slowest, time.monotonic() - began)
            failures = [one.message for one in review.findings if one.code == "not-reviewed"]
            odd += [f"{case}: {one}" for one in failures if planted or "takes more" not in one]
            pids = inspection_processes(os.getpid())
            largest = max([largest, *(memory_of(pid, most=True) for pid in pids)])
    counts = {"cases": len(cases), "slowest in s": round(slowest, 1), "MiB": largest // MIB}
    return BatteryReport("hostile reviews", SEED, counts, odd, planted)


def saved(folder: Path, distribution: Distribution) -> ReviewedFile:
    """Write a file under its digest."""
    path = folder / distribution.sha256
    path.write_bytes(distribution.content)
    return ReviewedFile(path, distribution.filename)


@pytest.mark.journey
async def test_hostile_modules(tmp_path: Path) -> None:
    """Each module is read, or named as not known, within the limits."""
    (await reviews(tmp_path, HOSTILE_MODULES)).check()


@pytest.mark.battery
@pytest.mark.timeout(1200)
async def test_hostile_archives(tmp_path: Path) -> None:
    """Each archive is read, or found to exceed a limit; none ends its process."""
    (await reviews(tmp_path, [*ARCHIVES, *HOSTILE_MODULES])).check()


@pytest.mark.journey
async def test_reviews_without_memory(tmp_path: Path) -> None:
    """The battery fails if processes cannot read what they should."""
    little = replace(REVIEW_LIMITS, memory=2**20)

    (await reviews(tmp_path, HOSTILE_MODULES[2:4], little, "processes with little memory")).check()
