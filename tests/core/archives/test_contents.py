"""Lists of names in sentences."""

from stageproxy.core.archives.contents import some


def test_of_many_only_some_are_told() -> None:
    """A sentence stays one that can be read."""
    assert some(["d", "c", "b", "a"]) == "'a', 'b', 'c' and 1 more"
