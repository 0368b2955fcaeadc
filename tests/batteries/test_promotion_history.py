"""The judge of the batteries: each way to break a promise is found in a history made by hand."""

import pytest

from tests.batteries.promotion_history import broken_promises, of_project
from tests.support.index.history import Attempt, History, Outcome, View

ONE, TWO, SDIST = "demo-1-one.whl", "demo-1-two.whl", "demo-1.tar.gz"
HASHES = {ONE: "1", TWO: "2", SDIST: "3"}


def sent(order: int, filename: str, *, told: str = "200", number: int = 1) -> Attempt:
    """Return an upload of the whole file that was not taken."""
    sha256 = HASHES.get(filename, "other")
    return Attempt(order, "", (), filename, number, sha256=sha256, told=told)


def taken(
    order: int, filename: str, *, begun: int = 0, told: str = "200", number: int = 1
) -> Attempt:
    """Return an upload that was taken, before another one had begun if nothing else is said."""
    one = sent(order, filename, told=told, number=number)
    one.outcome, one.place, one.begun = Outcome.ACCEPTED, order, begun or order
    return one


def seen(*views: tuple[str, ...]) -> list[View]:
    """Return what the page showed, one after the other."""
    return [View("demo", tuple(sorted(one))) for one in views]


VIEWS = seen((ONE,), (ONE, TWO), (ONE, TWO, SDIST))
GOOD = History([taken(1, ONE), taken(2, TWO), taken(3, SDIST)], VIEWS)
LOST = History(
    [
        taken(1, ONE, told="reset accepted"),
        sent(2, ONE, number=2),
        taken(3, TWO),
        taken(4, SDIST),
    ],
    VIEWS,
)
UNWRITTEN = History([taken(1, ONE), sent(2, ONE, number=2), taken(3, TWO), taken(4, SDIST)], VIEWS)


@pytest.mark.parametrize("history", [GOOD, LOST], ids=["nothing went wrong", "a lost answer"])
def test_kept_promises(history: History) -> None:
    """A release that came as it should breaks nothing, nor does one that was sent anew in doubt."""
    assert broken_promises(history, HASHES) == []


def test_answer_that_nobody_could_write_down() -> None:
    """Who was killed with the answer in hand may send the same file again, and nobody else."""
    promises = [broken_promises(UNWRITTEN, HASHES, unheard) for unheard in ([(ONE, 1)], [])]

    assert promises == [[], [f"{ONE} was sent again (2) after the answer 200."]]


@pytest.mark.parametrize(
    ("history", "broken"),
    [
        pytest.param(
            History([taken(1, ONE), taken(2, TWO)], VIEWS[:2]),
            [f"{SDIST} was taken 0 times.", f"In the end the page shows {ONE}, {TWO}."],
            id="no sdist",
        ),
        pytest.param(
            History([*GOOD.attempts, taken(4, ONE, number=2, begun=1)], VIEWS),
            [f"{ONE} was taken 2 times.", f"{ONE} was sent again (2) after the answer 200."],
            id="a wheel twice",
        ),
        pytest.param(
            History([*GOOD.attempts, taken(4, "demo-1-x.whl")], VIEWS),
            ["demo-1-x.whl was taken 1 times.", "demo-1-x.whl was sent with other bytes."],
            id="a file of nobody",
        ),
        pytest.param(
            History(GOOD.attempts, [*seen((ONE, SDIST)), *VIEWS]),
            [f"The page showed the sdist with these files: {ONE}, {SDIST}."],
            id="the sdist is seen early",
        ),
        pytest.param(
            History([taken(1, ONE), taken(2, TWO, begun=3), taken(3, SDIST)], VIEWS),
            [f"{SDIST} was sent before the last wheel was taken."],
            id="the sdist is sent with the wheels",
        ),
        pytest.param(
            History([taken(1, ONE, begun=2), taken(2, TWO), taken(3, SDIST)], VIEWS),
            [f"{TWO} was sent before {ONE} was taken."],
            id="two at first",
        ),
        pytest.param(
            History([sent(1, ONE, told="403"), *[taken(2, ONE, number=2), taken(3, TWO)]], VIEWS),
            [f"{SDIST} was taken 0 times.", f"{ONE} was sent again (2) after the answer 403."],
            id="again after a no",
        ),
    ],
)
def test_broken_promises(history: History, broken: list[str]) -> None:
    """Whatever an index must not see is found, and told in a sentence."""
    assert broken_promises(history, HASHES) == broken


def test_other_bytes() -> None:
    """A file of ours with other bytes is found, whether or not it was taken."""
    odd = taken(2, TWO)
    odd.sha256 = "4"

    promises = broken_promises(History([taken(1, ONE), odd, taken(3, SDIST)], VIEWS), HASHES)

    assert promises == [f"{TWO} was sent with other bytes."]


def test_one_of_many_projects() -> None:
    """What happened to other projects of the index is left out."""
    others = [taken(4, "demo_two-1.tar.gz"), sent(5, "other-1.tar.gz")]
    views = [*VIEWS, View("demo-two", ("demo_two-1.tar.gz",))]

    assert of_project(History([*GOOD.attempts, *others], views), "demo") == GOOD
