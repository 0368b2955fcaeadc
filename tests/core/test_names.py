"""Names in sentences."""

import pytest

from stageproxy.core.names import first_few

NAMES = {
    "none": ([], ""),
    "one": (["a"], "a"),
    "as many as are named": (["a", "b"], "a, b"),
    "more": (["a", "b", "c", "d"], "a, b and 2 more"),
}


@pytest.mark.parametrize(("names", "text"), NAMES.values(), ids=NAMES)
def test_first_few(names: list[str], text: str) -> None:
    """The first names are named in their order, and the others counted."""
    assert first_few(names, 2) == text
