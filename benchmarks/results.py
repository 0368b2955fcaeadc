"""Results of parts, which stay on the disk until the part is measured again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.goals import Row, Samples
from benchmarks.run import BUILD, Part, Run


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a part, when and how they were measured."""

    part: str
    measured: str
    rounds: int
    rows: Sequence[Row]

    @classmethod
    def of(
        cls, part: Part, options: Run, rows: Sequence[Row], failure: str = "It was left out."
    ) -> "Result":
        """Return the result of a part that has just been measured, with a row for each goal."""
        found = {row.goal: row for row in rows}
        every = [found.get(goal, Row(goal, None, failure)) for goal in part.goals]
        return cls(part.name, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", options.rounds, every)


def save_result(result: Result) -> None:
    """Store the result of a part, in place of the one before."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"{result.part}.json"
    path.write_text(json.dumps(_document(result), indent=2) + "\n")


def load_results(parts: Sequence[Part]) -> Sequence[Result]:
    """Return the stored results of *parts*, in order."""
    paths = [(part, BUILD / f"{part.name}.json") for part in parts]
    return [_result(part, json.loads(path.read_text())) for part, path in paths if path.exists()]


def _document(result: Result) -> dict[str, Any]:
    rows = [
        {
            "what": row.goal.what,
            "beside": row.goal.beside,
            "samples": row.samples and [list(row.samples.ours), list(row.samples.beside)],
            "limit": row.limit,
            "profile": list(row.profile),
        }
        for row in result.rows
    ]
    return {"measured": result.measured, "rounds": result.rounds, "rows": rows}


def _result(part: Part, document: dict[str, Any]) -> Result:
    """Return a stored result. Goals that are newer than it have no samples."""
    stored = {(one["what"], one["beside"]): one for one in document["rows"]}
    rows = [
        _row(goal_row, stored.get((goal_row.goal.what, goal_row.goal.beside)))
        for goal_row in (Row(goal, None, "It is newer than the last run.") for goal in part.goals)
    ]
    return Result(part.name, document["measured"], document["rounds"], rows)


def _row(unmeasured: Row, stored: dict[str, Any] | None) -> Row:
    if stored is None:
        return unmeasured
    samples = Samples(*stored["samples"]) if stored["samples"] else None
    return Row(unmeasured.goal, samples, stored["limit"], stored["profile"])
