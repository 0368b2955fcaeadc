"""What `promote` says of the review of a stage, before it asks: one or two lines."""

from collections.abc import Mapping
from typing import Any

_LOUD = frozenset({"refuse", "warn"})
_VERDICT = "verdict"
"""The findings of this section are part of the plan."""


def review_lines(review: Mapping[str, Any], stage: str) -> list[str]:
    """Return the loud findings of a review in short, or how far it is, and how to see it."""
    command = f"`stageproxy review {stage}`"
    progress = review["progress"]
    loud = [
        one for one in review["findings"] if one["level"] in _LOUD and one["section"] != _VERDICT
    ]
    lines = [f"Review: {_said(loud)} See {command}."] if loud else []
    if progress["state"] == "failed":
        return [*lines, f"Review: the comparison failed. {progress['now']} See {command}."]
    if progress["state"] != "done":
        return [*lines, f"Review: not finished yet. {command} waits for it."]
    return lines or [f"Review: nothing to decide about. See {command}."]


def _said(loud: list[Mapping[str, Any]]) -> str:
    first, more = loud[0]["message"].rstrip("."), len(loud) - 1
    others = f" There {'is' if more == 1 else 'are'} {more} more." if more else ""
    return f"{first}.{others}"
