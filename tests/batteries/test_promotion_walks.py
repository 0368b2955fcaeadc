"""Random walks through promotions: no way out breaks the laws of promotion."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.batteries.promotion_walks import Walks
from tests.batteries.report import SEED, BatteryReport
from tests.support.index.fake_index import FakeIndex

FEW_MOVES = {"promote 202", "stop 200", "replace 200"}
EACH_MOVE = FEW_MOVES | {
    "promote 202 partial",
    "replace 200 partial",
    "replace 409 partial",
    "withdraw 200 partial",
    "withdraw 409 partial",
    "add 200 partial",
    "give_up 200",
}
"""The moves that the long form has to make."""


@pytest.fixture
async def walks(tmp_path: Path, index: FakeIndex) -> AsyncIterator[Walks]:
    """Return a service on which many releases are published."""
    async with Walks.open(tmp_path / "data", index) as walks:
        yield walks


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        pytest.param(12, FEW_MOVES, id="12 walks", marks=pytest.mark.journey),
        pytest.param(
            400, EACH_MOVE, id="400 walks", marks=[pytest.mark.battery, pytest.mark.timeout(3600)]
        ),
    ],
)
async def test_any_way(walks: Walks, rounds: int, expected: set[str]) -> None:
    """Only approved files are published, once, the sdist last, and nothing after a stop.

    A file that was replaced or withdrawn is never public, and a stage that was given up
    tells the truth.
    """
    moves: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    violations = []
    for _ in range(rounds):
        walk = await walks.walk()
        violations += [f"{walk.project}: {one}" for one in walk.violations]
        moves += walk.moves
        ends[walk.status] += 1

    counts = {"walks": rounds, **dict(sorted(ends.items())), **dict(sorted(moves.items()))}
    BatteryReport("promotion-walks", SEED, counts, violations).check()
    assert expected - moves.keys() == set()
    assert ends["published"] > 0
