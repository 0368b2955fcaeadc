"""Names, numbers and sizes in sentences."""

import pytest

from stageproxy.core.wording import count_text, first_few, size_text

NAMES = {
    "none": ([], ""),
    "one": (["a"], "a"),
    "as many as are named": (["a", "b"], "a, b"),
    "more": (["a", "b", "c", "d"], "a, b and 2 more"),
}


@pytest.mark.parametrize(("names", "text"), NAMES.values(), ids=NAMES)
def test_first_few(names: list[str], text: str) -> None:
    """The first names are named in their order, and the others counted."""
    assert first_few(names, 2) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (20_000_000, "20.0 MB"),
        (5_000_000_000_000, "5,000.0 GB"),
    ],
)
def test_size(size: int, text: str) -> None:
    """A size has the unit in which its number is short, also once it is rounded.

    Two functions did this, in other words, and 999,950 bytes were 1000.0 kB.
    """
    assert size_text(size) == text


def test_count() -> None:
    """A number has its noun, with a plural of its own where there is one."""
    assert count_text(1, "file") == "1 file"
    assert count_text(1200, "file") == "1,200 files"
    assert count_text(2, "entry", "entries") == "2 entries"
