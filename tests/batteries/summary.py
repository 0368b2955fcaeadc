"""The table of the last runs of all batteries: `python -m tests.batteries.summary`."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from tests.batteries.report import BatteryReport, saved_reports

_NO_CONTROL = "has no run with a planted defect"


def main() -> int:
    """Print the table, and return 1 if a battery has not passed."""
    reports = saved_reports()
    lines = [*table_of(reports), *complaints(reports)]
    print(*lines, sep="\n")  # noqa: T201 - the output of a command
    return 1 if complaints(reports) else 0


def table_of(reports: Sequence[BatteryReport]) -> Iterator[str]:
    """Return a line for each run: the battery, what it should find, its result and counts."""
    names = [_name_of(one) for one in reports]
    width = max(map(len, names), default=0)
    for name, report in zip(names, reports, strict=True):
        counts = ", ".join(f"{what} {number}" for what, number in report.counts.items())
        yield f"{name:<{width}}  {_result_of(report):<9}  seed {report.seed}  {counts}"


def complaints(reports: Iterable[BatteryReport]) -> list[str]:
    """Return a sentence for each battery that failed, or whose eyes were not tested."""
    reports = list(reports)
    tested = {one.battery for one in reports if one.planted}
    failed = [f"{_name_of(one)} has failed." for one in reports if not one.has_passed]
    blind = sorted({one.battery.partition(":")[0] for one in reports} - tested)
    return [*failed, *(f"{name} {_NO_CONTROL}." for name in blind)]


def _name_of(report: BatteryReport) -> str:
    return f"{report.battery}, planted: {report.planted}" if report.planted else report.battery


def _result_of(report: BatteryReport) -> str:
    if not report.has_passed:
        return "NOT FOUND" if report.planted else "FAILED"
    return "found" if report.planted else "passed"


if __name__ == "__main__":
    sys.exit(main())
