"""New dependencies and lost provenance, by what an index lists."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from packaging.utils import canonicalize_name

from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.review.delta.delta import Against, Delta, RequirementChange, RequirementDelta
from stageproxy.core.review.supply_chain.newcomers import new_dependencies, newcomer_findings
from stageproxy.core.review.supply_chain.provenance import provenance_findings
from stageproxy.core.rules.findings import Level
from tests.support.builders.stages import an_artifact

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OLD = "2010-01-02T00:00:00Z"
SIX = canonicalize_name("six")


def page_of(*times: str | None) -> Listing:
    """Return a page of six with a release for each upload time."""
    files = [
        ListedFile(f"six-{number}.0.tar.gz", None, None, None, upload_time=time)
        for number, time in enumerate(times)
    ]
    return Listing({one.filename: one for one in files})


@pytest.mark.parametrize(
    ("times", "level", "said"),
    [
        (
            ["2010-01-02T00:00:00Z", "2026-11-29T00:00:00Z"],
            Level.NOTE,
            "2 releases, the first of 2010-01-02.",
        ),
        (
            ["2026-11-20T00:00:00.5Z"],
            Level.WARN,
            "1 release, the first of 2026-11-20. It is only 9 days old.",
        ),
        ([None, "yesterday"], Level.UNKNOWN, "the index lists no upload times."),
    ],
)
def test_age_of_a_new_dependency(times: list[str | None], level: Level, said: str) -> None:
    """A new dependency is loud if it is young; what the index does not list is unknown."""
    (finding,) = newcomer_findings({SIX: page_of(*times)}, NOW)

    assert finding.level is level
    assert finding.message.endswith(said)
    assert bool(finding.advice) == (level is Level.WARN)


def test_only_added_requirements_are_new() -> None:
    """Requirements that changed, URLs and Requires-Python are no new dependencies."""
    six = RequirementDelta("Six", RequirementChange.ADDED, after="Six>=1", extra="a")
    changed = replace(six, name="idna", change=RequirementChange.LOOSENED)
    direct = replace(six, name="direct", is_direct=True)
    python = replace(six, name="python")
    delta = Delta(
        Against.RELEASE, "1.0", "demo 1.0", requirements=(six, changed, direct, python, six)
    )

    assert new_dependencies([delta]) == [SIX]


@pytest.mark.parametrize(
    ("provenance", "attestations", "levels"),
    [
        ("https://index.example/integrity/x", 0, [Level.WARN]),
        ("https://index.example/integrity/x", 1, []),
        ("", 0, []),
        (None, 0, [Level.UNKNOWN]),
        (None, 1, []),
    ],
)
def test_lost_provenance(provenance: str | None, attestations: int, levels: list[Level]) -> None:
    """A file without attestations is loud if the last release had provenance for all its files."""
    published = ListedFile("demo-1.0.tar.gz", None, None, None, provenance=provenance)
    artifact = replace(an_artifact(), attestations=attestations)
    found = list(provenance_findings([artifact], [published], "demo 1.0"))

    assert [one.level for one in found] == levels
    assert all(one.files == (artifact.filename,) for one in found if one.level is Level.WARN)
