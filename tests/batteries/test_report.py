"""The reports of batteries, and the table of them."""

from pathlib import Path

import pytest

from tests.batteries.report import BatteryReport, saved_reports
from tests.batteries.summary import complaints, table_of

PASSED = BatteryReport("kills", 7, {"acknowledged": 90, "lost": 0}, [])
FOUND = BatteryReport("kills", 7, {"lost": 3}, ["one", "two", "three"], planted="no fsync")
LOST = BatteryReport("cuts", 7, {"lost": 1}, ["demo-1.0.tar.gz is lost."])
BLIND = BatteryReport("cuts", 7, {"lost": 0}, [], planted="no fsync")


@pytest.mark.parametrize("report", [PASSED, FOUND], ids=["a good build", "a planted defect"])
def test_report_that_passed(tmp_path: Path, report: BatteryReport) -> None:
    """A report passes without violations, or with those of a planted defect, and is saved."""
    report.check(tmp_path)

    assert saved_reports(tmp_path) == [report]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        pytest.param(LOST, "demo-1.0.tar.gz is lost.", id="a violation"),
        pytest.param(BLIND, "It did not find: no fsync.", id="a defect that is not found"),
    ],
)
def test_report_that_failed(tmp_path: Path, report: BatteryReport, message: str) -> None:
    """A battery fails by a violation, and by a planted defect that it does not find."""
    with pytest.raises(AssertionError, match=message):
        report.check(tmp_path)

    assert saved_reports(tmp_path) == [report]


def test_table() -> None:
    """The table has the result, the seed and the counts of each run."""
    assert list(table_of([PASSED, FOUND, BLIND])) == [
        "kills                     passed     seed 7  acknowledged 90, lost 0",
        "kills, planted: no fsync  found      seed 7  lost 3",
        "cuts, planted: no fsync   NOT FOUND  seed 7  lost 0",
    ]


def test_complaints() -> None:
    """A battery that failed, and one that was never shown a defect, are named."""
    assert complaints([PASSED, FOUND, LOST]) == [
        "cuts has failed.",
        "cuts has no run with a planted defect.",
    ]
