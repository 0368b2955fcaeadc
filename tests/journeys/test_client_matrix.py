"""The tables of the documentation say what the journeys saw."""

import pytest

from tests.support.clients.matrix import (
    PAGE,
    VERSION,
    ClientMatrix,
    compared,
    find_table,
    with_table,
)

TABLES = ("installers", "upload-commands", "uploaders")
PLACE = "# Clients\n\n<!-- matrix: demo -->\n<!-- end -->\n"
CELLS = {
    ("a wheel", "pip"): "✓",
    (VERSION, "pip"): "26.3",
    ("a wheel", "uv"): "`-v`",
}
FILLED = """\
# Clients

<!-- matrix: demo -->
| | pip | uv |
| --- | --- | --- |
| version | 26.3 | |
| a wheel | ✓ | `-v` |
<!-- end -->
"""


def test_table_is_written() -> None:
    """A table stands between its marks, the versions first; cells nobody saw are empty."""
    assert with_table(PLACE, "demo", CELLS) == FILLED


def test_table_is_read() -> None:
    """What was written is read again, and versions are not compared."""
    assert find_table(FILLED, "demo") == CELLS
    assert compared(CELLS) == {("a wheel", "pip"): "✓", ("a wheel", "uv"): "`-v`"}


@pytest.mark.journey
@pytest.mark.after_all_others
@pytest.mark.parametrize("name", TABLES)
def test_page_says_what_was_seen(
    name: str,
    client_matrix: ClientMatrix,
    pytestconfig: pytest.Config,
    whole_run: bool,  # noqa: FBT001 - a fixture
) -> None:
    """Each cell that this run saw stands in the page; a whole run saw every cell of the page.

    With `--write-client-matrix` the page is written first.
    """
    seen = client_matrix.tables.get(name, {})
    if pytestconfig.getoption("--write-client-matrix", default=False):
        PAGE.write_text(with_table(PAGE.read_text(), name, seen))

    said = compared(find_table(PAGE.read_text(), name))

    assert {cell: said.get(cell) for cell in compared(seen)} == compared(seen)
    assert not whole_run or said.keys() == compared(seen).keys()
