"""Descriptions that PyPI cannot render."""

from collections.abc import Mapping

import pytest

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.libraries import DESCRIPTIONS, LONGEST_RENDERED, descriptions_checked_by
from tests.support.builders.uploads import an_upload, sentences

RST = {"description_content_type": "text/x-rst; charset=UTF-8"}
BROKEN = {"description": ".. invalid-directive::"}

DESCRIPTIONS_: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "broken": (BROKEN | RST, ["The description failed to render for 'text/x-rst; charset=UTF-8'."]),
    "broken, without a type": (
        BROKEN,
        ["The description failed to render in the default format of reStructuredText."],
    ),
    "fine": ({"description": "*fine*"} | RST, []),
    "empty": ({"description": ""} | RST, []),
    "Markdown": (BROKEN | {"description_content_type": "text/markdown"}, []),
    "plain": (BROKEN | {"description_content_type": "text/plain"}, []),
}


@pytest.mark.parametrize(("changes", "expected"), DESCRIPTIONS_.values(), ids=DESCRIPTIONS_)
def test_descriptions_are_rendered(changes: Mapping[str, str], expected: list[str]) -> None:
    """PyPI refuses a description that it cannot render."""
    assert sentences(an_upload(changes=changes)) == expected


def test_very_long_description_is_not_rendered() -> None:
    """Rendering a text can take longer than an upload may take."""
    check = descriptions_checked_by(DESCRIPTIONS)
    longest = BROKEN["description"].ljust(LONGEST_RENDERED)

    assert [one.level for one in check(an_upload(changes={"description": longest}))] == [
        Level.REFUSE
    ]
    assert [one.level for one in check(an_upload(changes={"description": longest + " "}))] == [
        Level.UNKNOWN
    ]


def test_description_without_the_library() -> None:
    """Without docutils, an unchecked description is reported as unknown."""
    check = descriptions_checked_by(None)

    assert list(check(an_upload(changes=BROKEN))) == [
        Finding(
            "description",
            "The description was not checked, but PyPI checks it. "
            "Install stageproxy[verdict] to check it here.",
            Level.UNKNOWN,
        )
    ]
    assert list(check(an_upload())) == []
