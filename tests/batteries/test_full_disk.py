"""A disk without a free byte: nothing but uploads is refused, and nothing is half stored."""

from pathlib import Path

import pytest

from tests.batteries.full_disk import run

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(1, id="once", marks=pytest.mark.journey),
        pytest.param(20, id="20 times", marks=pytest.mark.battery),
    ],
)
async def test_full_disk(tmp_path: Path, rounds: int) -> None:
    """A server on a full disk revokes, rotates, cancels, withdraws, sweeps, starts and promotes."""
    (await run(tmp_path, rounds)).check()


@pytest.mark.battery
async def test_full_disk_without_a_reserve(tmp_path: Path) -> None:
    """The battery finds a server without a reserve."""
    (await run(tmp_path, 1, planted="no reserve", STORAGE__RESERVE="0")).check()
