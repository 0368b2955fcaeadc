"""How long a promotion goes on after failures of the server itself."""

from datetime import timedelta

import pytest

from stageproxy.core.promotion.failures import Failures, count_failure
from stageproxy.core.promotion.journal import Journal, new_journal
from stageproxy.core.promotion.plan import Pace
from tests.store.builders import NOW

MINUTE = timedelta(minutes=1)
PACE = Pace(parallel=1, poll=timedelta(seconds=10), patience=15 * MINUTE, attempts=10)
NAMES = ("a.whl", "b.whl", "c.tar.gz")


def journal_with(*confirmed: str) -> Journal:
    """Return a journal in which some files are published."""
    journal = new_journal(NAMES, NOW)
    return {**journal, **{name: journal[name].confirmed("", NOW) for name in confirmed}}


@pytest.mark.parametrize(
    ("count", "since", "pause"),
    [
        pytest.param(1, 0 * MINUTE, timedelta(seconds=20), id="the first one"),
        pytest.param(3, 2 * MINUTE, timedelta(seconds=80), id="each pause is longer"),
        pytest.param(99, 14 * MINUTE, 2 * MINUTE, id="as long as there is patience"),
        pytest.param(9, 60 * MINUTE, 2 * MINUTE, id="few attempts in a long time"),
        pytest.param(10, 15 * MINUTE, None, id="the patience is over"),
    ],
)
def test_pause(count: int, since: timedelta, pause: timedelta | None) -> None:
    """A promotion ends after enough attempts in a row, once its patience is over."""
    assert Failures(NOW - since, count, 0).pause(NOW, PACE) == pause


def test_row_of_failures() -> None:
    """Failures without anything published between them are a row, which began with the first."""
    first = count_failure(None, journal_with(), NOW)
    second = count_failure(first, journal_with(), NOW + MINUTE)

    assert (first, second) == (Failures(NOW, 1, 0), Failures(NOW, 2, 0))


def test_file_that_gets_through() -> None:
    """A file that is published between two failures ends their row."""
    first = count_failure(None, journal_with("a.whl"), NOW)
    second = count_failure(first, journal_with("a.whl", "b.whl"), NOW + MINUTE)

    assert second == Failures(NOW + MINUTE, 1, 2)
