"""The violations that the batteries look for, each in a history made by hand."""

import pytest

from tests.batteries.promotion_violations import of_project, violations_in
from tests.support.index.history import Attempt, History, Outcome, View

ONE, TWO, SDIST = "demo-1-one.whl", "demo-1-two.whl", "demo-1.tar.gz"
HASHES = {ONE: "1", TWO: "2", SDIST: "3"}


def sent(order: int, filename: str, *, answer: str = "200", number: int = 1) -> Attempt:
    """Return an upload of the whole file that was not accepted."""
    sha256 = HASHES.get(filename, "other")
    return Attempt(order, "", (), filename, number, sha256=sha256, answer=answer)


def accepted(
    order: int, filename: str, *, begun: int = 0, answer: str = "200", number: int = 1
) -> Attempt:
    """Return an accepted upload, the only one at that time by default."""
    one = sent(order, filename, answer=answer, number=number)
    one.outcome, one.place, one.begun = Outcome.ACCEPTED, order, begun or order
    return one


def views_of(*views: tuple[str, ...]) -> list[View]:
    """Return the views of a page, one after the other."""
    return [View("demo", tuple(sorted(one))) for one in views]


VIEWS = views_of((ONE,), (ONE, TWO), (ONE, TWO, SDIST))
GOOD = History([accepted(1, ONE), accepted(2, TWO), accepted(3, SDIST)], VIEWS)
LOST = History(
    [
        accepted(1, ONE, answer="reset accepted"),
        sent(2, ONE, number=2),
        accepted(3, TWO),
        accepted(4, SDIST),
    ],
    VIEWS,
)
UNRECORDED = History(
    [accepted(1, ONE), sent(2, ONE, number=2), accepted(3, TWO), accepted(4, SDIST)], VIEWS
)


@pytest.mark.parametrize("history", [GOOD, LOST], ids=["nothing went wrong", "a lost answer"])
def test_history_without_violations(history: History) -> None:
    """Neither a regular history nor an upload that was repeated in doubt has violations."""
    assert violations_in(history, HASHES) == []


def test_unrecorded_answer() -> None:
    """A file may be sent again if its answer was not recorded, and no other file."""
    violations = [violations_in(UNRECORDED, HASHES, unrecorded) for unrecorded in ([(ONE, 1)], [])]

    assert violations == [[], [f"{ONE} was sent again (2) after the answer 200."]]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param(
            History([accepted(1, ONE), accepted(2, TWO)], VIEWS[:2]),
            [f"{SDIST} was accepted 0 times.", f"In the end the page lists {ONE}, {TWO}."],
            id="no sdist",
        ),
        pytest.param(
            History([*GOOD.attempts, accepted(4, ONE, number=2, begun=1)], VIEWS),
            [f"{ONE} was accepted 2 times.", f"{ONE} was sent again (2) after the answer 200."],
            id="a wheel twice",
        ),
        pytest.param(
            History([*GOOD.attempts, accepted(4, "demo-1-x.whl")], VIEWS),
            ["demo-1-x.whl was accepted 1 times.", "demo-1-x.whl was sent with other bytes."],
            id="a file of nobody",
        ),
        pytest.param(
            History(GOOD.attempts, [*views_of((ONE, SDIST)), *VIEWS]),
            [f"The page listed the sdist with these files: {ONE}, {SDIST}."],
            id="the sdist is seen early",
        ),
        pytest.param(
            History([accepted(1, ONE), accepted(2, TWO, begun=3), accepted(3, SDIST)], VIEWS),
            [f"{SDIST} was sent before the last wheel was accepted."],
            id="the sdist is sent with the wheels",
        ),
        pytest.param(
            History([accepted(1, ONE, begun=2), accepted(2, TWO), accepted(3, SDIST)], VIEWS),
            [f"{TWO} was sent before {ONE} was accepted."],
            id="two at first",
        ),
        pytest.param(
            History(
                [sent(1, ONE, answer="403"), *[accepted(2, ONE, number=2), accepted(3, TWO)]], VIEWS
            ),
            [f"{SDIST} was accepted 0 times.", f"{ONE} was sent again (2) after the answer 403."],
            id="again after a no",
        ),
    ],
)
def test_violations(history: History, expected: list[str]) -> None:
    """Each violation is reported in a sentence."""
    assert violations_in(history, HASHES) == expected


def test_other_bytes() -> None:
    """A staged file with other bytes is reported, whether or not it was accepted."""
    odd = accepted(2, TWO)
    odd.sha256 = "4"

    violations = violations_in(History([accepted(1, ONE), odd, accepted(3, SDIST)], VIEWS), HASHES)

    assert violations == [f"{TWO} was sent with other bytes."]


def test_one_of_many_projects() -> None:
    """Uploads and views of other projects are left out."""
    others = [accepted(4, "demo_two-1.tar.gz"), sent(5, "other-1.tar.gz")]
    views = [*VIEWS, View("demo-two", ("demo_two-1.tar.gz",))]

    assert of_project(History([*GOOD.attempts, *others], views), "demo") == GOOD
