"""The tables of the documentation have the results of the journeys."""

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
    """A table is written between its marks, versions first; missing cells are empty."""
    assert with_table(PLACE, "demo", CELLS) == FILLED


def test_table_is_read() -> None:
    """A written table can be read, and versions are not compared."""
    assert find_table(FILLED, "demo") == CELLS
    assert compared(CELLS) == {("a wheel", "pip"): "✓", ("a wheel", "uv"): "`-v`"}


@pytest.mark.journey
@pytest.mark.after_all_others
@pytest.mark.parametrize("name", TABLES)
def test_documentation_has_the_results(
    name: str,
    client_matrix: ClientMatrix,
    pytestconfig: pytest.Config,
    whole_run: bool,  # noqa: FBT001 - a fixture
) -> None:
    """Each result of this run is in the page; a whole run has every cell of the page.

    With `--write-client-matrix` the page is written first.
    """
    results = client_matrix.tables.get(name, {})
    if pytestconfig.getoption("--write-client-matrix", default=False):
        PAGE.write_text(with_table(PAGE.read_text(), name, results))

    documented = compared(find_table(PAGE.read_text(), name))

    assert {cell: documented.get(cell) for cell in compared(results)} == compared(results)
    assert not whole_run or documented.keys() == compared(results).keys()
