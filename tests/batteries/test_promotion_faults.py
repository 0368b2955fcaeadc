"""Releases that are published while the network, the index or the server fails."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.batteries.promotion_faults import Run, all_runs, short_runs
from tests.batteries.promotion_runs import publish_all
from tests.batteries.report import SEED, BatteryReport

REPORT = "PROMOTION_REPORT"
"""The environment variable with the path of the report; by default it is in pytest's folder."""


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(short_runs(), id="each fault once", marks=pytest.mark.journey),
        pytest.param(
            all_runs(), id="each cell twice", marks=[pytest.mark.battery, pytest.mark.timeout(3600)]
        ),
    ],
)
async def test_any_fault(tmp_path: Path, runs: Sequence[Run]) -> None:
    """Each release is published once, in order and with its bytes, without manual help."""
    results, report = await publish_all(tmp_path, runs)

    path = Path(os.environ.get(REPORT) or tmp_path / "promotion-faults.json")
    await asyncio.to_thread(path.write_text, json.dumps(report, indent=1))
    counts = {name: report[name] for name in ("runs", "uploads", "starts", "seconds")}
    violations = [
        *(f"{name}: {text}" for name, found in report["violations"].items() for text in found),
        *(f"{name} had no fault." for name in report["missed"]),
        *(f"{one.run.project} is {one.status}." for one in results if one.status != "published"),
    ]
    BatteryReport("promotion-faults", SEED, counts, violations).check()
