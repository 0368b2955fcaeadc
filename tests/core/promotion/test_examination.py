"""The findings of a stage before it is published, and their acknowledgement."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.promotion.examination import (
    Examination,
    attestation_notices,
    find_damage,
)
from stageproxy.core.rules.findings import RELEASE, Finding, Level, not_known, suspicious
from tests.support.builders.stages import a_stage, an_artifact

ODD, STRANGE = suspicious("It is odd."), suspicious("It is strange.", "release")
REFUSED = Finding("version", "PyPI has it.")
UNKNOWN = not_known("Nobody can tell.")


def examined(findings: Mapping[str, Sequence[Finding]]) -> Examination:
    """Return an examination with these findings."""
    return Examination(a_stage(), findings)


def test_findings_by_level() -> None:
    """The findings of a level come with the file that each is about."""
    examination = examined({"a.whl": [ODD, REFUSED], RELEASE: [STRANGE, UNKNOWN]})

    assert {level: examination.at_level(level) for level in Level} == {
        Level.REFUSE: [("a.whl", REFUSED)],
        Level.WARN: [("a.whl", ODD), (RELEASE, STRANGE)],
        Level.NOTE: [],
        Level.UNKNOWN: [(RELEASE, UNKNOWN)],
    }


def test_warnings_are_sentences() -> None:
    """A warning names its file, unless it is about the release."""
    assert examined({"a.whl": [ODD], RELEASE: [STRANGE]}).warnings == [
        "a.whl: It is odd.",
        "It is strange.",
    ]


def test_digest_of_warnings() -> None:
    """Warnings are acknowledged by the SHA-256 of their sorted lines."""
    lines = b"It is strange.\na.whl: It is odd.\n"

    digest = examined({"a.whl": [ODD], RELEASE: [STRANGE]}).warnings_digest

    assert digest == hashlib.sha256(lines).hexdigest()


@pytest.mark.parametrize("findings", [{}, {"a.whl": [REFUSED, UNKNOWN]}])
def test_no_warnings_have_no_digest(findings: Mapping[str, Sequence[Finding]]) -> None:
    """Without a warning, the digest is empty."""
    assert examined(findings).warnings_digest == ""


@given(st.permutations(["a.whl", "b.whl", RELEASE]))
def test_digest_does_not_depend_on_the_order(names: Sequence[str]) -> None:
    """For any order of findings, the digest is the same."""
    expected = examined({name: [ODD] for name in ("a.whl", "b.whl", RELEASE)})

    assert examined({name: [ODD] for name in names}).warnings_digest == expected.warnings_digest


CHANGES = {
    "another warning": {"a.whl": [ODD, STRANGE]},
    "one less": {},
    "of another file": {"b.whl": [ODD]},
    "of the release": {RELEASE: [ODD]},
}


@pytest.mark.parametrize("findings", CHANGES.values(), ids=CHANGES)
def test_other_warnings_have_another_digest(findings: Mapping[str, Sequence[Finding]]) -> None:
    """An acknowledgement is for exactly these warnings."""
    assert examined(findings).warnings_digest != examined({"a.whl": [ODD]}).warnings_digest


@pytest.mark.parametrize("sha256", ["0" * 64, None])
def test_damaged_file_is_refused(sha256: str | None) -> None:
    """A stored file that is missing or has other bytes is refused."""
    found = find_damage(an_artifact(), sha256)

    assert found is not None
    assert (found.level, found.message) == (
        Level.REFUSE,
        "The server's copy of the file is damaged. Upload the file again, or restore a backup.",
    )


def test_intact_file_has_no_findings() -> None:
    """A stored file with its bytes has no findings."""
    assert find_damage(an_artifact(), an_artifact().sha256) is None


def test_attestations_that_are_left_out_are_noted() -> None:
    """Attestations that an API token cannot publish are noted, by file."""
    attested = replace(an_artifact("a.whl"), attestations=2)

    (notice,) = attestation_notices([attested, an_artifact("b.whl")])

    assert notice.startswith("a.whl: 2 attestations are left out")
