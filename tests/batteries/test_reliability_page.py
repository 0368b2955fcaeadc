"""docs/reliability.md: every test that it names exists, and it names every battery."""

import re

import pytest

from tests.support.servers.processes import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PAGE)))
BATTERIES = sorted((ROOT / "tests" / "batteries").glob("test_*.py"))
ABOUT_THE_PAGE = "test_reliability_page.py"


@pytest.mark.parametrize("name", NAMED)
def test_named_test_exists(name: str) -> None:
    """A promise is held by a test that exists."""
    file, _, test = name.partition("::")

    assert f"def {test}" in (ROOT / file).read_text()


def test_every_battery_is_named() -> None:
    """The page has a promise for each module of the batteries."""
    names = [path.name for path in BATTERIES if f"`tests/batteries/{path.name}" not in PAGE]

    assert names == [ABOUT_THE_PAGE]
