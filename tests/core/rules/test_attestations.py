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
def test_attestations_are_read(text: str | None, expected: list[dict[str, Any]] | None) -> None:
    """Attestations are an array of objects, or unreadable."""
    form = () if text is None else (("attestations", text),)

    assert attestations_in(form) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [("[]", None), ("[{}]", NOT_TAKEN), ("{", UNREADABLE)],
    ids=["none", "some", "unreadable"],
)
def test_attestations_are_an_unknown(text: str, message: str | None) -> None:
    """Only PyPI can check attestations; that is no reason to refuse a file."""
    found = findings_of(an_upload(more=(("attestations", text),)))

    expected = [Finding("attestations", message, Level.UNKNOWN)] if message else []
    assert [one for one in found if one.source == "attestations"] == expected


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
def test_workflow_of_an_identity(claims: dict[str, Any], workflow: str | None) -> None:
    """The identity token of a CI job names its workflow."""
    assert workflow_of(an_identity(**claims)) == workflow


@pytest.mark.parametrize("identity", ["", "a.b", "a.b.c", "a.W10.c", "a.é.c"])
def test_invalid_identity_has_no_workflow(identity: str) -> None:
    """A text that is no identity token names no workflow."""
    assert workflow_of(identity) is None


@pytest.mark.parametrize("length", [0, 100, 300], ids=["short", "longer", "longest"])
def test_own_attestations(length: int) -> None:
    """The certificate of an attestation names its workflow, however long the name is."""
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
def test_attestations_of_other_workflows(other: str) -> None:
    """Attestations of other workflows are counted and left out; a prefix does not match."""
    own = an_attestation(WORKFLOW)

    assert own_attestations(form_with(an_attestation(other), own), WORKFLOW) == ([own], 1)


@pytest.mark.parametrize(
    "certificate", [None, 1, "?", base64.b64encode(b"\x86\x7fhttps:").decode()]
)
def test_certificate_without_a_workflow(certificate: Any) -> None:
    """An attestation whose certificate names no workflow is left out."""
    made = {"verification_material": {"certificate": certificate}}

    assert own_attestations(form_with(made, {}), WORKFLOW) == ([], 2)


def test_no_workflow_has_no_attestations() -> None:
    """Without a workflow, every attestation is left out."""
    assert own_attestations(form_with(an_attestation(WORKFLOW)), None) == ([], 1)


def test_form_without_attestations() -> None:
    """A form without attestations has none."""
    assert own_attestations((("name", "demo"),), WORKFLOW) == ([], 0)
