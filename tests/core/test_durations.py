"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.durations import parse_duration, spell_duration


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        (" 7 d ", timedelta(days=7)),
        ("30", timedelta(seconds=30)),
        (30, timedelta(seconds=30)),
        (0.5, timedelta(milliseconds=500)),
        (timedelta(days=1), timedelta(days=1)),
    ],
    ids=str,
)
def test_durations_are_parsed(written: object, expected: timedelta) -> None:
    """A number has a unit, or is in seconds."""
    assert parse_duration(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "d",
        "7 days",
        "-1d",
        "1d 2h",
        "1e3",
        "nan",
        "inf",
        "7D",
        True,
        None,
        [],
        "9" * 400,
        "1e9d",
    ],
    ids=str,
)
def test_invalid_durations_are_refused(written: object) -> None:
    """A text that is no duration is refused."""
    with pytest.raises(ValueError, match="is"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("length", "spelled"),
    [
        (timedelta(days=7), "7d"),
        (timedelta(days=14), "14d"),
        (timedelta(hours=36), "36h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=61), "61s"),
        (timedelta(), "0s"),
    ],
    ids=str,
)
def test_durations_are_formatted_in_their_largest_unit(length: timedelta, spelled: str) -> None:
    """The unit is the largest one that leaves no remainder."""
    assert spell_duration(length) == spelled


@given(st.integers(0, 10**9))
def test_formatted_durations_can_be_parsed(seconds: int) -> None:
    """For any whole number of seconds, the formatted duration parses to it."""
    length = timedelta(seconds=seconds)

    assert parse_duration(spell_duration(length)) == length
