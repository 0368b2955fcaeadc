"""The table of a run: for people, as a page of the documents, and as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.goals import Figure, Goal, Row
from benchmarks.machine import facts
from benchmarks.results import Result
from tests.support.servers.processes import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
HEADINGS = ("What", "stageproxy", "Beside", "", "Figure", "Goal", "")

_ABOUT = """\
# Benchmarks

`make bench` measures stageproxy beside other servers and writes this page. Nothing here is
absolute: each figure compares two measurements of one run on one machine, which take turns, and
is the median of all rounds. A ratio is stageproxy's number divided by the one beside it; for rates
more is better, for times and memory less is.

*A bare handler* is an `aiohttp.web.Application` with one handler, which returns the same bytes with
the same headers and has no access log. stageproxy writes its access log to a file and counts its
metrics. Pages are requested with `wrk -t1 -c16` over the loopback interface.
"""


def line_of(row: Row) -> str:
    """Return a row in one line, as it is shown while a run goes on."""
    what, ours, beside, number, figure, bounds, verdict = cells(row)
    sides = f"{ours} beside {number} ({beside})" if beside else ours
    goal = f", goal {bounds}" if bounds else ""
    return f"  {what}: {sides}: {figure}{goal}: {verdict}{_reason(row)}"


def as_text(results: Sequence[Result]) -> str:
    """Return the table for a terminal."""
    rows = [HEADINGS, *(cells(row) for one in results for row in one.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def as_json(results: Sequence[Result]) -> str:
    """Return one JSON document."""
    parts = {
        one.part: {
            "measured": one.measured,
            "rounds": one.rounds,
            "rows": [_row_document(row) for row in one.rows],
        }
        for one in results
    }
    return json.dumps({"machine": facts(), "parts": parts}, indent=2)


def write_page(results: Sequence[Result]) -> Path:
    """Write the page of the documents, and return its path."""
    PAGE.write_text(as_page(results))
    return PAGE.relative_to(ROOT)


def as_page(results: Sequence[Result]) -> str:
    """Return the page of the documents."""
    rows = [row for one in results for row in one.rows]
    missed = [_missed(row) for row in rows if row.is_missed]
    notes = [_note(row) for row in rows if row.limit and not row.is_missed]
    return "\n".join(
        [
            _ABOUT,
            _circumstances(results),
            _markdown_table(rows),
            "## Goals that are missed\n",
            *(missed or ["None.\n"]),
            "## Notes\n",
            *notes,
            "",
        ]
    )


def cells(row: Row) -> tuple[str, ...]:
    """Return the texts of a row, one for each heading."""
    goal, samples = row.goal, row.samples
    ours = quantity(median(samples.ours), goal.unit) if samples else "-"
    number = quantity(median(samples.beside), goal.unit) if samples and samples.beside else "-"
    figure = "-" if row.figure is None else _figure(goal, row.figure)
    return goal.what, ours, goal.beside, number, figure, goal.bounds, row.verdict


def quantity(number: float, unit: str) -> str:
    """Return a number with its unit, with as many digits as can be believed."""
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2  # noqa: PLR2004
    return f"{number:,.{digits}f}{unit if unit.startswith('/') else f' {unit}'}"


def _figure(goal: Goal, figure: float) -> str:
    return f"{figure:.2f}" if goal.figure is Figure.RATIO else quantity(figure, goal.unit)


def _markdown_table(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *(_marked(row) for row in rows)]
    return "".join(f"| {' | '.join(one)} |\n" for one in lines)


def _marked(row: Row) -> tuple[str, ...]:
    *others, verdict = cells(row)
    return (*others, f"**{verdict}**" if row.is_missed else verdict)


def _missed(row: Row) -> str:
    figure = cells(row)[4]
    heading = f"### {row.goal.what}{_beside(row)}: {figure}, goal {row.goal.bounds}\n"
    paragraphs = [heading, *(f"{text}\n" for text in (row.goal.reason, row.limit) if text)]
    if row.profile:
        profile = "\n".join(row.profile)
        paragraphs.append(
            f"Where the time goes, by functions without what they call:\n\n```\n{profile}\n```\n"
        )
    return "\n".join(paragraphs)


def _note(row: Row) -> str:
    return f"- {row.goal.what}{_beside(row)}: {row.limit}"


def _beside(row: Row) -> str:
    return f" beside {row.goal.beside}" if row.goal.beside else ""


def _reason(row: Row) -> str:
    return f" ({row.limit})" if row.limit else ""


def _circumstances(results: Sequence[Result]) -> str:
    """Return what the figures depend on. Parts can be measured at different times."""
    lines = [f"{name}: {text}" for name, text in facts().items()]
    lines += [
        f"Measured on {when}, {rounds} rounds: {', '.join(parts)}"
        for (when, rounds), parts in _times_of(results).items()
    ]
    return "".join(f"- {line}\n" for line in lines)


def _times_of(results: Sequence[Result]) -> dict[tuple[str, int], list[str]]:
    """Return the parts that were measured on one day, with the same number of rounds."""
    times: dict[tuple[str, int], list[str]] = {}
    for one in results:
        times.setdefault((one.measured.partition(" ")[0], one.rounds), []).append(one.part)
    return times


def _row_document(row: Row) -> dict[str, object]:
    samples = row.samples
    return {
        "what": row.goal.what,
        "beside": row.goal.beside,
        "unit": row.goal.unit,
        "figure-is": row.goal.figure.value,
        "stageproxy": samples and list(samples.ours),
        "other": samples and list(samples.beside),
        "figure": row.figure,
        "least": row.goal.least,
        "most": row.goal.most,
        "verdict": row.verdict,
        "limit": row.limit,
        "profile": list(row.profile),
    }
