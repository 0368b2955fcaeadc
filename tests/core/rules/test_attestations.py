"""Attestations, as a form has them."""

from typing import Any

import pytest

from stageproxy.core.rules.attestations import UNREADABLE, attestations_in
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import findings_of
from tests.support.builders.uploads import an_upload

NOT_TAKEN = (
    "PyPI takes attestations from Trusted Publishers alone; "
    "a promotion with an API token leaves them out."
)
TEXTS: dict[str, tuple[str | None, list[dict[str, Any]] | None]] = {
    "no field": (None, []),
    "none": ("[]", []),
    "some": ('[{"version": 1}, {}]', [{"version": 1}, {}]),
    "an object": ("{}", None),
    "other things": ("[1]", None),
    "no JSON": ("[", None),
    "nothing": ("", None),
    "nested without end": ("[" * 100_000, None),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_form(text: str | None, expected: list[dict[str, Any]] | None) -> None:
    """They are an array of objects, or cannot be read."""
    form = () if text is None else (("attestations", text),)

    assert attestations_in(form) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [("[]", None), ("[{}]", NOT_TAKEN), ("{", UNREADABLE)],
    ids=["none", "some", "unreadable"],
)
def test_rule(text: str, message: str | None) -> None:
    """Nobody can tell whether PyPI takes them; it is no reason to refuse a file here."""
    found = findings_of(an_upload(more=(("attestations", text),)))

    told = [Finding("attestations", message, Level.UNKNOWN)] if message else []
    assert [one for one in found if one.source == "attestations"] == told
