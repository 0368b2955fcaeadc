"""Figures, and whether they reach their goals."""

import pytest

from benchmarks.goals import Figure, Goal, Row, Samples

A_RATIO = Goal("a page", "a bare handler", least=1.0)
A_DIFFERENCE = Goal("a cold page", "the index", "ms", Figure.DIFFERENCE, most=40)
ALONE = Goal("memory", unit="MB", figure=Figure.ALONE, most=150)
INFORMS = Goal("a page", "another server")


@pytest.mark.parametrize(
    ("kind", "figure"), [(Figure.RATIO, 0.5), (Figure.DIFFERENCE, -4), (Figure.ALONE, 4)]
)
def test_figures_are_medians_of_rounds(kind: Figure, figure: float) -> None:
    """A figure is the median of those of the rounds, not made of the medians of the sides."""
    samples = Samples([1, 4, 100], [10, 8, 50])

    assert samples.figure(kind) == figure


@pytest.mark.parametrize(
    ("goal", "ours", "beside", "verdict"),
    [
        pytest.param(A_RATIO, [10], [10], "met", id="a bound is within the goal"),
        pytest.param(A_RATIO, [9], [10], "missed", id="below the least"),
        pytest.param(A_DIFFERENCE, [60], [20], "met", id="a difference at its most"),
        pytest.param(A_DIFFERENCE, [61], [20], "missed", id="a difference above it"),
        pytest.param(ALONE, [151], [], "missed", id="a number of its own"),
        pytest.param(INFORMS, [1], [100], "-", id="no bounds"),
    ],
)
def test_verdicts(goal: Goal, ours: list[float], beside: list[float], verdict: str) -> None:
    """A goal is missed by whatever is outside of its bounds."""
    row = Row(goal, Samples(ours, beside))

    assert row.verdict == verdict
    assert row.is_missed == (verdict == "missed")


def test_what_is_not_measured_misses_its_goal() -> None:
    """A goal without samples is no success."""
    row = Row(A_RATIO, None, "wrk failed.")

    assert (row.verdict, row.is_missed) == ("not measured", True)


@pytest.mark.parametrize(
    ("goal", "text"), [(A_RATIO, "≥ 1"), (A_DIFFERENCE, "≤ 40 ms"), (INFORMS, "")]
)
def test_bounds_are_shown_with_their_unit(goal: Goal, text: str) -> None:
    """A bound of a ratio has no unit; other bounds have that of the numbers."""
    assert goal.bounds == text
