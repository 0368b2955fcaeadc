"""Tests of the order in which artifacts are published."""

from stageproxy.core.stage.order import in_promotion_order, place_in_promotion
from tests.support.builders.stages import an_artifact


def test_sdist_is_last() -> None:
    """Wheels are published by filename, and the sdist after all of them."""
    names = ["demo-2.0-py3-none-any.whl", "demo-2.0.tar.gz", "demo-2.0-cp311-cp311-win32.whl"]

    ordered = in_promotion_order(map(an_artifact, names))

    assert [one.filename for one in ordered] == [names[2], names[0], names[1]]


def test_place_is_that_of_the_order() -> None:
    """Files that are no artifacts yet are sorted in the same way."""
    files = [("a.tar.gz", True), ("z.whl", False), ("b.whl", False)]

    ordered = sorted(files, key=lambda file: place_in_promotion(file[0], is_sdist=file[1]))

    assert [name for name, _ in ordered] == ["b.whl", "z.whl", "a.tar.gz"]
