"""Descriptions that PyPI cannot render."""

from collections.abc import Mapping

import pytest

from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.libraries import DESCRIPTIONS, LONGEST_RENDERED, descriptions_checked_by
from tests.support.builders.distributions import a_wheel
from tests.support.builders.uploads import an_upload, sentences

BARE = a_wheel(metadata="Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n")
RST = {"description_content_type": "text/x-rst; charset=UTF-8"}
BROKEN = {"description": ".. invalid-directive::"}

FAULT = 'Line 1 of the description: Unknown directive type "invalid-directive".'

DESCRIPTIONS_: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "broken": (
        BROKEN | RST,
        ["The description failed to render for 'text/x-rst; charset=UTF-8'.", FAULT],
    ),
    "broken, without a type": (
        BROKEN,
        ["The description failed to render in the default format of reStructuredText.", FAULT],
    ),
    "fine": ({"description": "*fine*"} | RST, []),
    "empty": ({"description": ""} | RST, []),
    "Markdown": (BROKEN | {"description_content_type": "text/markdown"}, []),
    "plain": (BROKEN | {"description_content_type": "text/plain"}, []),
}


@pytest.mark.parametrize(("changes", "expected"), DESCRIPTIONS_.values(), ids=DESCRIPTIONS_)
def test_descriptions_are_rendered(changes: Mapping[str, str], expected: list[str]) -> None:
    """PyPI refuses a description that it cannot render."""
    assert sentences(an_upload(BARE, changes)) == expected


FAULTS: Mapping[str, tuple[str, str]] = {
    "markup that does not end": (
        "fine\n\n*not fine\n",
        "Line 3 of the description: Inline emphasis start-string without end-string.",
    ),
    "a file to include": (
        ".. include:: /etc/passwd\n",
        'Line 1 of the description: "include" directive disabled.',
    ),
    "a reference to nothing": (
        "A\n=\n\nSee `there`_.\n",
        'Line 4 of the description: Unknown target name: "there".',
    ),
    "titles in disorder": (
        "A\n=\n\nB\n-\n\nC\n~\n\nD\n=\n\nE\n~\n",
        "Line 13 of the description: Inconsistent title style: skip from level 1 to 3.",
    ),
    "a quote that is long": (
        f"|{'x' * 1000}|\n",
        f'Line 1 of the description: Undefined substitution referenced: "{"x" * 164}...',
    ),
    "a list that ends early": (
        "* a\n b\n",
        "Line 2 of the description: Bullet list ends without a blank line; unexpected unindent.",
    ),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_line_and_reason_are_reported(text: str, fault: str) -> None:
    """After PyPI's sentence comes the line that does not render, and why: one short line."""
    assert sentences(an_upload(BARE, {"description": text}))[1:] == [fault]


def test_very_long_description_is_not_rendered() -> None:
    """Rendering a text can take longer than an upload may take."""
    check = descriptions_checked_by(DESCRIPTIONS)
    longest = BROKEN["description"].ljust(LONGEST_RENDERED)

    assert {one.level for one in check(an_upload(BARE, {"description": longest}))} == {Level.REFUSE}
    assert [one.level for one in check(an_upload(BARE, {"description": longest + " "}))] == [
        Level.UNKNOWN
    ]


def test_description_without_the_library() -> None:
    """Without docutils, an unchecked description is reported as unknown."""
    check = descriptions_checked_by(None)

    assert list(check(an_upload(BARE, BROKEN))) == [
        Finding(
            "description",
            "The description was not checked, but PyPI checks it. "
            "Install stageproxy[verdict] to check it here.",
            Level.UNKNOWN,
        )
    ]
    assert list(check(an_upload(BARE))) == []
