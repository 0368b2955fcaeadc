"""The differences between two texts."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.review.delta.delta import DiffLine
from stageproxy.core.review.delta.text_diff import MOST_BYTES, MOST_LINES, text_diff

LINES = st.lists(
    st.sampled_from(["a", "b", "c", "", "  d", "unique 1", "unique 2", "é"]), max_size=30
)


def test_a_changed_line_with_what_surrounds_it() -> None:
    """Three lines around a change are shown, and the others folded, with their number."""
    before = [str(one) for one in range(1, 21)]
    after = [*before[:9], "ten", *before[10:]]

    diff, not_shown = text_diff("\n".join(before).encode(), "\n".join(after).encode())

    assert [f"{one.sign}{one.text}@{one.number}" for one in diff] == [
        "~6@1", " 7@7", " 8@8", " 9@9", "-10@10", "+ten@10", " 11@11", " 12@12", " 13@13", "~7@14",
    ]  # fmt: skip
    assert not_shown == ""


@given(LINES, LINES)
def test_a_diff_has_both_texts(before: list[str], after: list[str]) -> None:
    """For any two texts, the lines of a diff that is not folded are those of both."""
    texts = ["\n".join(lines) for lines in (before, after)]

    diff, _ = text_diff(*(one.encode() for one in texts), context=None)

    if texts[0] != texts[1]:
        assert "\n".join(one.text for one in diff if one.sign in " -") == texts[0]
        assert "\n".join(one.text for one in diff if one.sign in " +") == texts[1]


@given(LINES, LINES)
def test_folding_hides_no_change(before: list[str], after: list[str]) -> None:
    """For any two texts, folding leaves every change, and the number of lines."""
    texts = ["\n".join(lines).encode() for lines in (before, after)]

    whole, _ = text_diff(*texts, context=None)
    folded, _ = text_diff(*texts)

    assert [one for one in folded if one.sign in "+-"] == [one for one in whole if one.sign in "+-"]
    assert sum(int(one.text) if one.sign == "~" else 1 for one in folded) == len(whole)


def test_a_text_equals_itself() -> None:
    """Nothing is shown of a text that has not changed."""
    assert text_diff(b"a\n", b"a\n") == ((), "")


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (b"a\0", b"b", "It is not a text."),
        (b"\xff", b"b", "It is not a text."),
        (b"a" * (MOST_BYTES + 1), b"b", "It is larger than 1 MiB, so no lines are compared."),
        (b"\n" * 100_001, b"b", "It has more than 100,000 lines, so none are compared."),
        (b"a\r\nb\n", b"a\nb\n", "Only the ends of its lines differ."),
    ],
    ids=["zero byte", "no UTF-8", "large", "many lines", "line ends"],
)
def test_why_nothing_is_shown(before: bytes, after: bytes, sentence: str) -> None:
    """Where there is no diff, a sentence says why."""
    assert text_diff(before, after) == ((), sentence)


def test_a_long_diff_ends() -> None:
    """A diff has 3,000 lines at most, and it is said that there are more."""
    before, after = (
        b"".join(b"%d %d\n" % (one, number) for number in range(4000)) for one in (1, 2)
    )

    diff, not_shown = text_diff(before, after)

    assert len(diff) == MOST_LINES
    assert not_shown == "Only the first 3,000 lines of the diff are shown."


def test_minified_code_is_shown_with_other_line_ends() -> None:
    """A change in a line of minified code is found: lines end after statements."""
    before = b"".join(b"var a%d=1;" % one for one in range(500))

    diff, not_shown = text_diff(before, before.replace(b"a77=1", b"a77=evil()"))

    assert DiffLine("+", "var a77=evil();", 78) in diff
    assert not_shown == "It has very long lines, which are shown with other line ends."


def test_lines_are_cut_and_printable() -> None:
    """A line is shown up to 300 characters, with escapes for what is invisible."""
    diff, _ = text_diff(b"", ("\u202e" + "x" * 400).encode())

    assert diff[-1].text == f"\\u202e{'x' * 299}… (101 more characters)"


def _hostile() -> dict[str, tuple[bytes, bytes]]:
    """Return pairs of texts of about a megabyte that slow algorithms take minutes for."""
    draw = random.Random(1)

    def of_symbols(count: int, length: int) -> bytes:
        lines = ("".join(draw.choices("abcdefgh"[:count], k=length)) for _ in range(99_000))
        return "\n".join(lines).encode()[:MOST_BYTES]

    ascending = "\n".join(str(one) for one in range(99_000)).encode()
    shuffled = "\n".join(str(one) for one in draw.sample(range(99_000), 99_000)).encode()
    return {
        "equal lines": (b"0123456789\n" * 90_000, b"0123456789\n" * 80_000),
        "two lines": (of_symbols(1, 9) + of_symbols(2, 1), of_symbols(2, 1)),
        "few lines": (of_symbols(2, 9), of_symbols(2, 9)),
        "random lines": (of_symbols(8, 9), of_symbols(8, 9)),
        "another order": (ascending, shuffled),
        "invisible": (
            ("\u202e" * 300 + "\n").encode() * 1000,
            ("\u202e" * 299 + "\n").encode() * 1000,
        ),
        "one line": (b"a" * MOST_BYTES, b"b" * MOST_BYTES),
        "empty statements": (b";" * MOST_BYTES, b";}" * (MOST_BYTES // 2)),
    }


@pytest.mark.parametrize(("before", "after"), _hostile().values(), ids=_hostile())
def test_hostile_texts_are_compared_quickly(before: bytes, after: bytes) -> None:
    """Two texts of a megabyte take less than 1.5 s of CPU, whatever is in them."""
    start = time.process_time()

    text_diff(before, after)

    assert time.process_time() - start < 1.5
