"""Attestations in a form, and the workflow that made them."""

import base64
import json
from typing import Any

import pytest

from stageproxy.core.rules.attestations import (
    UNREADABLE,
    attestations_in,
    own_attestations,
    workflow_of,
)
from stageproxy.core.rules.findings import Finding, Level
from stageproxy.core.rules.table import findings_of
from tests.support.builders.attestations import an_attestation, an_identity
from tests.support.builders.uploads import an_upload

NOT_TAKEN = (
    "PyPI accepts attestations from Trusted Publishers only; "
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

WORKFLOW = "demo/demo/.github/workflows/release.yml@refs/tags/1.0"


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


def form_with(*attestations: Any) -> tuple[tuple[str, str], ...]:
    """Return a form with attestations."""
    return (("name", "demo"), ("attestations", json.dumps(attestations)))


@pytest.mark.parametrize(
    ("claims", "workflow"),
    [
        ({"job_workflow_ref": WORKFLOW, "workflow_ref": "another"}, WORKFLOW),
        ({"workflow_ref": WORKFLOW}, WORKFLOW),
        ({"ci_config_ref_uri": "ci.example/demo//ci.yml@main"}, "ci.example/demo//ci.yml@main"),
        ({"sub": "demo"}, None),
        ({"workflow_ref": 1}, None),
    ],
    ids=["job", "workflow", "other CI", "none", "nonsense"],
)
def test_workflow(claims: dict[str, Any], workflow: str | None) -> None:
    """The identity of a CI job names its workflow."""
    assert workflow_of(an_identity(**claims)) == workflow


@pytest.mark.parametrize("identity", ["", "a.b", "a.b.c", "a.W10.c", "a.é.c"])
def test_no_identity(identity: str) -> None:
    """What is no identity names none."""
    assert workflow_of(identity) is None


@pytest.mark.parametrize("length", [0, 100, 300], ids=["short", "longer", "longest"])
def test_own(length: int) -> None:
    """The certificate of an attestation names the workflow, however long its name is."""
    workflow = f"demo/{'x' * length}/release.yml@refs/tags/1.0"
    own = an_attestation(workflow)

    assert own_attestations(form_with(own), workflow) == ([own], 0)


@pytest.mark.parametrize(
    "other",
    [
        "demo/demo/.github/workflows/other.yml@refs/tags/1.0",
        f"{WORKFLOW}0",
        WORKFLOW[:-1],
        f"x{WORKFLOW}",
    ],
    ids=["another", "longer", "shorter", "another owner"],
)
def test_of_others(other: str) -> None:
    """Attestations of other workflows are counted, and left out; a beginning is not the name."""
    own = an_attestation(WORKFLOW)

    assert own_attestations(form_with(an_attestation(other), own), WORKFLOW) == ([own], 1)


@pytest.mark.parametrize(
    "certificate", [None, 1, "?", base64.b64encode(b"\x86\x7fhttps:").decode()]
)
def test_certificate_that_names_nobody(certificate: Any) -> None:
    """An attestation that does not say whose it is is nobody's."""
    made = {"verification_material": {"certificate": certificate}}

    assert own_attestations(form_with(made, {}), WORKFLOW) == ([], 2)


def test_without_a_workflow() -> None:
    """Whoever is no workflow has made none."""
    assert own_attestations(form_with(an_attestation(WORKFLOW)), None) == ([], 1)


def test_without_attestations() -> None:
    """A form without attestations has none."""
    assert own_attestations((("name", "demo"),), WORKFLOW) == ([], 0)
