"""What may be stored: which changes exceed a limit, and what their errors say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.errors import Kind
from stageproxy.core.limits import (
    BYTES,
    Amounts,
    Quota,
    find_exceeded,
    is_near,
    over_limit,
    with_bytes,
)

NOTHING: Amounts = dict.fromkeys(Quota, 0)
AMOUNTS = st.fixed_dictionaries({one: st.integers(0, 20) for one in Quota})


def used(quota: Quota, amount: int) -> Amounts:
    """Return amounts of which only one is used."""
    return {**NOTHING, quota: amount}


@pytest.mark.parametrize("quota", Quota)
@pytest.mark.parametrize(
    ("before", "after", "limit", "is_exceeded"),
    [
        pytest.param(0, 10, 10, False, id="the limit itself"),
        pytest.param(10, 11, 10, True, id="one more"),
        pytest.param(0, 11, 0, False, id="0 is no limit"),
        pytest.param(20, 20, 10, False, id="unchanged above a limit that was lowered"),
        pytest.param(20, 15, 10, False, id="less than before"),
        pytest.param(20, 21, 10, True, id="more above a limit that was lowered"),
    ],
)
def test_changes(quota: Quota, before: int, after: int, limit: int, *, is_exceeded: bool) -> None:
    """A change exceeds a limit if it increases what is used beyond it."""
    found = find_exceeded(used(quota, before), used(quota, after), {quota: limit})

    assert found == (quota if is_exceeded else None)


@given(st.lists(AMOUNTS), AMOUNTS)
def test_use_never_exceeds_a_limit(wanted: list[Amounts], limits: Amounts) -> None:
    """For any sequence of changes, of which those that exceed are refused, all limits hold."""
    present = NOTHING
    for after in wanted:
        if find_exceeded(present, after, limits) is None:
            present = after

    assert all(limits[one] == 0 or present[one] <= limits[one] for one in Quota)


def test_file_that_is_to_come() -> None:
    """A file that is to come counts for every limit of bytes, and for no other."""
    after = with_bytes(used(Quota.TOKEN_BYTES, 60), 40)

    assert {one for one in Quota if after[one]} == BYTES
    assert (after[Quota.TOKEN_BYTES], after[Quota.TOTAL_BYTES]) == (100, 40)


@pytest.mark.parametrize(
    ("amount", "limit", "near"),
    [(79, 100, False), (80, 100, True), (200, 100, True), (9, 0, False)],
)
def test_near(amount: int, limit: int, *, near: bool) -> None:
    """A limit is near from four fifths on."""
    assert is_near(amount, limit) == near


@pytest.mark.parametrize("quota", Quota)
def test_errors_say_what_to_do(quota: Quota) -> None:
    """An error names the limit, how much is used, and the setting that the operator can raise."""
    error = over_limit(quota, 1900, {quota: 2000}, project="demo", release="demo 2.0")

    assert error.kind is (Kind.TOO_LARGE if quota in BYTES else Kind.TOO_MANY)
    assert error.limit == f"limits.{quota}"
    assert f"ask the server's operator to raise limits.{quota}." in error.sentence
    assert {"2000", "1900"} <= set(error.sentence.replace(",", "").split())
    assert len(error.sentence) < 300
