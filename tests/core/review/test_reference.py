"""docs/reference/review.md: every finding has a row, and every row is a finding."""

import re

from stageproxy.core.review.findings import NOT_REVIEWED
from tests.support.servers.processes import ROOT

PAGE = (ROOT / "docs" / "reference" / "review.md").read_text()
SOURCES = [
    *(ROOT / "stageproxy" / "core" / "review").rglob("*.py"),
    ROOT / "stageproxy" / "store" / "review_inspection.py",
]
CODE = re.compile(r'(?:make|loud|note|finding|warning|gone|_Threat)\(\s*"([a-z-]+)"')
CODE_AFTER_LEVEL = re.compile(r'Level\.\w+(?: if \w+ else Level\.\w+)?,\s*"([a-z-]+)"')
CODE_OF_OUTCOME = re.compile(r'Outcome\.\w+: "([a-z-]+-[a-z-]+)"')


def test_every_code_has_a_row() -> None:
    """What a program may find in a review is documented."""
    sources = "\n".join(path.read_text() for path in SOURCES)
    codes = {
        *CODE.findall(sources),
        *CODE_AFTER_LEVEL.findall(sources),
        *CODE_OF_OUTCOME.findall(sources),
        NOT_REVIEWED,
    }

    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", PAGE, re.MULTILINE)
    assert {one.strip("` ") for row in rows for one in row.split(",")} == codes
