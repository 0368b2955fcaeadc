"""In which order artifacts go to PyPI."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.release.promotion import in_promotion_order
from stageproxy.core.release.stages import Artifact
from tests.support.builders import an_artifact

IN_ORDER = [
    an_artifact("demo-2.0-cp311-cp311-win32.whl"),
    an_artifact("demo-2.0-py3-none-any.whl"),
    an_artifact("demo-2.0.tar.gz"),
]


@given(st.permutations(IN_ORDER))
def test_wheels_go_first_and_the_sdist_last(artifacts: Sequence[Artifact]) -> None:
    """For any order of uploads, nobody has to build what there will be a wheel for (#111)."""
    assert in_promotion_order(artifacts) == IN_ORDER
