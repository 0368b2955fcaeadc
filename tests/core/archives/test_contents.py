"""Lists of names in sentences."""

from stageproxy.core.archives.contents import some


def test_long_lists_are_shortened() -> None:
    """A sentence names the first three of many."""
    assert some(["d", "c", "b", "a"]) == "'a', 'b', 'c' and 1 more"
