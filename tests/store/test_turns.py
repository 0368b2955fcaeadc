"""The order of questions that wait."""

import pytest

from stageproxy.store.turns import Turns


def order(asked: str, places: int) -> str:
    """Return the order in which askers get places, the first of which is freed each time."""
    turns: Turns[int] = Turns(places)
    for number, asker in enumerate(asked):
        turns.wait(asker, number)
    served, running = "", ""
    while running or len(turns):
        while found := turns.next():
            served += found[0]
            running += found[0]
        turns.end(running[0])
        running = running[1:]
    return served


@pytest.mark.parametrize(
    ("asked", "places", "expected"),
    [
        ("", 1, ""),
        ("aaa", 1, "aaa"),
        ("aaa", 4, "aaa"),
        ("aaab", 1, "abaa"),
        ("aaab", 2, "abaa"),
        ("aaaabc", 2, "abcaaa"),
        ("aabbcc", 1, "abcabc"),
        ("aabbcc", 3, "abcabc"),
        ("aaaaabbbbbc", 2, "abcabababab"),
    ],
)
def test_order(asked: str, places: int, expected: str) -> None:
    """Askers take turns, however many questions each of them has."""
    assert order(asked, places) == expected


def test_whoever_had_a_place_is_behind() -> None:
    """An asker whose next question came first is behind one who had no place yet."""
    turns: Turns[int] = Turns(1)
    turns.wait("a", 0)
    assert turns.next() == ("a", 0)
    for number, asker in enumerate("aab", 1):
        turns.wait(asker, number)

    turns.end("a")

    assert turns.next() == ("b", 3)


def test_one_place_each() -> None:
    """An asker has one place at a time, even if others are free."""
    turns: Turns[int] = Turns(4)
    for number in range(3):
        turns.wait("a", number)

    assert [turns.next(), turns.next()] == [("a", 0), None]
    turns.wait("b", 3)
    assert [turns.next(), turns.next(), len(turns)] == [("b", 3), None, 2]
    turns.end("a")
    assert turns.next() == ("a", 1)


def test_no_more_than_the_places() -> None:
    """There are never more questions with a place than places."""
    turns: Turns[int] = Turns(2)
    for number, asker in enumerate("abc"):
        turns.wait(asker, number)

    assert [turns.next(), turns.next(), turns.next()] == [("a", 0), ("b", 1), None]
    turns.end("b")
    assert turns.next() == ("c", 2)


def test_withdrawn_question() -> None:
    """A question that is withdrawn gets no place, and one that has a place keeps it."""
    turns: Turns[int] = Turns(1)
    for number in range(3):
        turns.wait("a", number)

    assert turns.next() == ("a", 0)
    turns.withdraw("a", 0)
    turns.withdraw("a", 1)
    turns.withdraw("b", 9)
    assert (turns.next(), len(turns)) == (None, 1)
    turns.end("a")
    assert turns.next() == ("a", 2)
