"""What `promote` says of the review before it asks."""

from typing import Any

import pytest

from stageproxy.cli.promote.review_lines import review_lines


def finding(message: str, level: str = "warn", section: str = "impact") -> dict[str, str]:
    """Return a finding of a review."""
    return {"message": message, "level": level, "section": section}


def review(state: str, *findings: Any, now: str = "") -> dict[str, Any]:
    """Return a review with some findings."""
    progress = {"state": state, "done": 1, "total": 3, "now": now}
    return {"progress": progress, "findings": list(findings)}


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        (
            review("done", finding("A note.", "note"), finding("In the plan.", section="verdict")),
            ["Review: nothing to decide about. See `stageproxy review s1`."],
        ),
        (
            review("done", finding("It falls back.")),
            ["Review: It falls back. See `stageproxy review s1`."],
        ),
        (
            review("running", finding("It falls back."), finding("Another.", "refuse")),
            [
                "Review: It falls back. There is 1 more. See `stageproxy review s1`.",
                "Review: not finished yet. `stageproxy review s1` waits for it.",
            ],
        ),
        (
            review("failed", now="PyPI answered 500."),
            [
                "Review: the comparison failed. PyPI answered 500. See `stageproxy review s1`.",
            ],
        ),
    ],
)
def test_lines(document: Any, lines: list[str]) -> None:
    """The loud findings, or that the review is not finished, in two lines at most."""
    assert review_lines(document, "s1") == lines
