"""docs/reference/review.md: every finding on files has a row, and every row is a finding."""

import re

from tests.support.servers.processes import ROOT

PAGE = (ROOT / "docs" / "reference" / "review.md").read_text()
SOURCES = [
    *(ROOT / "stageproxy" / "core" / "review" / "supply_chain").glob("*.py"),
    ROOT / "stageproxy" / "store" / "review_inspection.py",
]
CODE = re.compile(r'(?:make|loud|note|finding|_Threat)\(\s*"([a-z-]+)"')
CODE_AFTER_LEVEL = re.compile(r'Level\.\w+(?: if \w+ else Level\.\w+)?,\s*"([a-z-]+)"')


def test_every_code_has_a_row() -> None:
    """What a program may find in a review is documented."""
    sources = "\n".join(path.read_text() for path in SOURCES)
    codes = {*CODE.findall(sources), *CODE_AFTER_LEVEL.findall(sources)}

    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)) == codes
