"""Documents edited in place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.splice import Edit, insertion, spliced


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], "abcdef"),
        ([insertion(0, "-")], "-abcdef"),
        ([insertion(6, "-")], "abcdef-"),
        ([insertion(3, "1"), insertion(3, "2")], "abc12def"),
        ([Edit(1, 3, "-")], "a-def"),
        ([Edit(4, 6, "2"), Edit(0, 2, "1")], "1cd2"),
        ([Edit(0, 3, "1"), Edit(3, 6, "2")], "12"),
        ([Edit(0, 3, "new"), insertion(0, "first ")], "first newdef"),
        ([insertion(3, "-"), Edit(0, 3, "new")], "new-def"),
    ],
    ids=[
        "nothing",
        "at the start",
        "at the end",
        "two at one place",
        "a replacement",
        "in any order",
        "side by side",
        "an insertion before a replacement",
        "an insertion after a replacement",
    ],
)
def test_edits_are_applied(edits: list[Edit], expected: str) -> None:
    """All edits are applied, in any order.

    An insertion at the start of a replacement restored the replaced text once.
    """
    assert spliced("abcdef", edits) == expected


@given(st.text(), st.lists(st.tuples(st.integers(0, 9), st.text("+-", min_size=1))))
def test_insertions_remove_nothing(text: str, new: list[tuple[int, str]]) -> None:
    """For any insertions, every character of the text is still present."""
    edited = spliced(text, [insertion(min(at, len(text)), written) for at, written in new])

    assert len(edited) == len(text) + sum(len(written) for _, written in new)
    rest = iter(edited)
    assert all(character in rest for character in text)
