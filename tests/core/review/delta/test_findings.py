"""Findings on what a stage changes."""

from dataclasses import replace

import pytest

from stageproxy.core.review.delta.delta import (
    Against,
    ArtifactDelta,
    ChangeKind,
    Delta,
    FieldDelta,
    MemberDelta,
    NameDelta,
    RequirementChange,
    RequirementDelta,
)
from stageproxy.core.review.delta.findings import delta_findings
from stageproxy.core.rules.findings import Level

NOTHING = Delta(Against.RELEASE, "1.0", "demo 1.0")
ARTIFACT = ArtifactDelta("demo-2.0.tar.gz", "demo-1.0.tar.gz", 200_000, 200_000)


def python(change: RequirementChange, after: str) -> Delta:
    """Return a delta in which Requires-Python was `>=3.9`."""
    return replace(NOTHING, requirements=(RequirementDelta("python", change, ">=3.9", after),))


def requirement(**parts: bool | str) -> Delta:
    """Return a delta with a new requirement."""
    one = RequirementDelta("foo", RequirementChange.ADDED, after="foo>=2,<1")
    return replace(NOTHING, requirements=(replace(one, **parts),))  # type: ignore[arg-type]


def name(what: str, kind: ChangeKind) -> Delta:
    """Return a delta in which a name differs."""
    return replace(NOTHING, names=(NameDelta(what, "console_scripts: demo", kind, "a:b", "a:c"),))


def fields(*found: tuple[str, str, str]) -> Delta:
    """Return a delta in which fields differ: their names, and the values before and after."""
    kinds = {(False, True): ChangeKind.ADDED, (True, False): ChangeKind.REMOVED}
    deltas = (
        FieldDelta(field, kinds.get((bool(old), bool(new)), ChangeKind.CHANGED), old, new)
        for field, old, new in found
    )
    return replace(NOTHING, fields=tuple(deltas))


def artifact(**parts: object) -> Delta:
    """Return a delta with one artifact."""
    return replace(NOTHING, artifacts=(replace(ARTIFACT, **parts),))  # type: ignore[arg-type]


TYPES = MemberDelta("demo/py.typed", ChangeKind.REMOVED)

LOUD = {
    "Python 3.9 is excluded": (
        python(RequirementChange.TIGHTENED, ">=3.10"),
        "requires-python-tightened",
    ),
    "a later Python is excluded": (
        python(RequirementChange.CHANGED, ">=3.8,<3.12"),
        "requires-python-tightened",
    ),
    "no Python is named": (python(RequirementChange.LOOSENED, ""), "requires-python-lost"),
    "nothing satisfies it": (requirement(is_unsatisfiable=True), "requirement-unsatisfiable"),
    "another object": (name("entry-point", ChangeKind.CHANGED), "entry-point-changed"),
    "no command": (name("entry-point", ChangeKind.REMOVED), "entry-point-removed"),
    "no module": (name("module", ChangeKind.REMOVED), "module-removed"),
    "no extra": (fields(("Provides-Extra", "fast", "")), "extra-removed"),
    "another licence": (fields(("License-Expression", "MIT", "GPL-3.0-only")), "license-changed"),
    "another licence text": (fields(("License", "MIT", "GPL")), "license-changed"),
    "another licence classifier": (
        fields(("Classifier", "License :: A", ""), ("Classifier", "", "License :: B")),
        "license-changed",
    ),
    "three times as large": (artifact(size_after=600_000), "much-larger"),
    "half as large": (artifact(size_after=100_000), "much-smaller"),
    "265 files less": (artifact(count_before=4000, count_after=3735), "files-lost"),
    "half of its files": (artifact(count_before=40, count_after=20), "files-lost"),
    "no types": (artifact(members=(TYPES,)), "types-removed"),
}
QUIET = {
    "nothing": NOTHING,
    "a later Python is included": python(RequirementChange.LOOSENED, ">=3.8"),
    "a requirement": requirement(),
    "a new command": name("entry-point", ChangeKind.ADDED),
    "a new module": name("module", ChangeKind.ADDED),
    "the licence as an expression": fields(
        ("License", "MIT License", ""),
        ("License-Expression", "", "MIT"),
        ("Classifier", "License :: MIT", ""),
    ),
    "another spelling of the licence": fields(("License", "Apache 2.0", "Apache-2.0")),
    "the licence as a text": fields(("License", "MIT", "Permission is hereby\\ngranted")),
    "the expression in another field": fields(
        ("License-Expression", "MIT", ""), ("License", "", "MIT")
    ),
    "a small artifact": artifact(size_before=1_000, size_after=90_000),
    "a new artifact": artifact(before="", size_before=0),
    "some files less": artifact(count_before=400, count_after=381),
}


@pytest.mark.parametrize(("delta", "code"), LOUD.values(), ids=LOUD)
def test_changes_that_users_would_notice(delta: Delta, code: str) -> None:
    """What users may lose or would notice is a warning, with what to do about it."""
    found = delta_findings(delta)

    assert [(one.code, one.level) for one in found] == [(code, Level.WARN)]
    assert found[0].advice


@pytest.mark.parametrize("delta", QUIET.values(), ids=QUIET)
def test_changes_that_need_no_decision(delta: Delta) -> None:
    """What is usual in a release is listed, and no finding."""
    assert delta_findings(delta) == ()


def test_contents_that_were_not_compared() -> None:
    """A release that is too large is not compared: that is said, and nothing looks new."""
    not_compared = replace(
        artifact(not_compared="It is too large.", count_before=100),
        not_compared="They have 3 GiB.",
    )

    assert [(one.level, one.message) for one in delta_findings(not_compared)] == [
        (
            Level.UNKNOWN,
            "The contents were not compared with demo 1.0. They have 3 GiB.",
        )
    ]


def test_an_artifact_that_was_not_compared() -> None:
    """An artifact that was not compared is named, with the reason."""
    found = delta_findings(artifact(not_compared="It is too large."))

    assert [one.message for one in found] == [
        "Not compared with demo 1.0: demo-2.0.tar.gz. It is too large."
    ]
