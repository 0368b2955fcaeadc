"""The page of the documents that `make bench` writes."""

import json
from collections.abc import Sequence

from benchmarks.goals import Goal, Row, Samples
from benchmarks.registry import PARTS
from benchmarks.report import PAGE, as_json, as_page
from benchmarks.results import Result

A_GOAL = Goal("a page", "a bare handler", least=1.0, reason="It is far away.")
MISSED = Row(A_GOAL, Samples([5], [10]), "42 µs.", ["99 %  f"])
MET = Row(Goal("a file", "a bare handler", least=1.0), Samples([20], [10]), "Few µs.")


def results(*rows: Row) -> Sequence[Result]:
    """Return the results of a run of one part."""
    return [Result("pages", "2026-11-30 12:00 UTC", 5, rows)]


def test_every_goal_is_on_the_page() -> None:
    """The page in the documents has a line for each goal that is measured today."""
    lines = PAGE.read_text().splitlines()

    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("|")]

    shown = {(one[1], one[3], one[6]) for one in cells}
    wanted = {(goal.what, goal.beside, goal.bounds) for part in PARTS for goal in part.goals}
    assert wanted - shown == set()


def test_goals_are_named_once() -> None:
    """Results are found again by what is measured beside what."""
    goals = [(goal.what, goal.beside) for part in PARTS for goal in part.goals]

    assert len(goals) == len(set(goals))


def test_missed_goals_are_explained() -> None:
    """What misses its goal is named with its figure, the reason, what was measured, a profile."""
    _, missed = as_page(results(MISSED, MET)).split("## Goals that are missed")

    heading = "a page beside a bare handler: 0.50, goal ≥ 1"
    for text in (heading, "It is far away.", "42 µs.", "99 %  f"):
        assert text in missed
    assert "a file beside a bare handler: Few µs." in missed


def test_json_has_every_round() -> None:
    """The JSON document has all numbers, from which the figures can be made again."""
    document = json.loads(as_json(results(MISSED)))

    [row] = document["parts"]["pages"]["rows"]
    assert (row["stageproxy"], row["other"], row["figure"], row["verdict"]) == (
        [5],
        [10],
        0.5,
        "missed",
    )
