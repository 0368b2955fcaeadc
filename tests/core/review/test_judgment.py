"""Whether the contents of a release were compared, for every sentence that says so."""

from dataclasses import replace

import pytest

from stageproxy.core.review.judgment import NOTHING_AGAINST, Compared, how_compared
from stageproxy.core.review.review import ReviewProgress, ReviewState
from tests.support.builders.page_facts import a_small_release

SMALL = a_small_release().review
CASES = {
    Compared.UNFINISHED: replace(SMALL, progress=ReviewProgress(ReviewState.WAITING)),
    Compared.FAILED: replace(SMALL, progress=ReviewProgress(ReviewState.FAILED)),
    Compared.NOT: replace(SMALL, deltas=()),
    Compared.WHOLE: SMALL,
}


@pytest.mark.parametrize("compared", Compared)
def test_how_compared(compared: Compared) -> None:
    """Each case has a sentence of its own."""
    assert how_compared(CASES[compared]) is compared
    assert compared in NOTHING_AGAINST


def test_first_release() -> None:
    """Where there is no earlier release, there is nothing to compare."""
    assert how_compared(replace(SMALL, baseline=None, deltas=())) is Compared.WHOLE
