"""How many stages a page of the list has."""

import pytest

from stageproxy.core.stage.paging import page_of, up_to
from stageproxy.core.stage.stage import Stage
from tests.support.builders.stages import a_stage, an_artifact


def stages(*files: int) -> list[Stage]:
    """Return stages with so many files each."""
    return [a_stage("1.0", *map(an_artifact, map(str, range(count)))) for count in files]


@pytest.mark.parametrize(
    ("files", "read", "shown"),
    [
        pytest.param([], 0, 0, id="no stage"),
        pytest.param([1, 0, 2], 3, 3, id="few files"),
        pytest.param([2, 3, 0, 0], 4, 4, id="as many files as there may be"),
        pytest.param([2, 3, 1, 1, 1], 4, 2, id="one file too many"),
        pytest.param([9, 1, 1], 2, 1, id="a stage with more files than a page may have"),
        pytest.param([0, 9, 1, 1], 3, 1, id="such a stage behind another"),
        pytest.param([0] * 6, 6, 5, id="more stages than were asked for"),
    ],
)
def test_page(files: list[int], read: int, shown: int) -> None:
    """A page has as many stages as were asked for, unless they have too many files."""
    found = list(up_to(stages(*files), 5))

    assert (len(found), len(page_of(found, 5, 5))) == (read, shown)
