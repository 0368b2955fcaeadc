"""Changes that only some wheels of a release have."""

from dataclasses import replace

import pytest

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import (
    ChangeKind,
    DiffLine,
    FieldDelta,
    MemberDelta,
    NameDelta,
)
from stageproxy.core.review.delta.uneven import uneven_findings
from tests.support.builders.summaries import a_review

WHEELS = [f"demo-2.0-cp3{minor}-cp3{minor}-win_amd64.whl" for minor in (11, 12, 13)]
MEMBER = MemberDelta("demo/a.py", ChangeKind.CHANGED, 1, 1, (DiffLine("+", "2", 1),))
LICENSE = FieldDelta("License-Expression", ChangeKind.CHANGED, "MIT", "BSD-3-Clause")
POINT = NameDelta("entry-point", "console_scripts: demo", ChangeKind.CHANGED, "a:b", "a:c")


def wheels(*members: MemberDelta) -> list[ArtifactReview]:
    """Return the reviews of three wheels, with a member for each of the first ones."""
    listed = [(one,) for one in members] + [()] * (len(WHEELS) - len(members))
    return [a_review(name, members=one) for name, one in zip(WHEELS, listed, strict=True)]


@pytest.mark.parametrize(
    ("reviews", "files", "name"),
    [
        (wheels(MEMBER), WHEELS[:1], "demo/a.py"),
        (wheels(MEMBER, MEMBER), WHEELS[2:], "demo/a.py"),
        (wheels(MEMBER, replace(MEMBER, diff=()), MEMBER), WHEELS[1:2], "demo/a.py"),
        ([replace(wheels()[0], fields=(LICENSE,)), *wheels()[1:]], WHEELS[:1], LICENSE.field),
        ([replace(wheels()[0], names=(POINT,)), *wheels()[1:]], WHEELS[:1], POINT.name),
    ],
    ids=["one changes", "one does not change", "one changes otherwise", "a field", "entry point"],
)
def test_a_wheel_that_changes_otherwise(
    reviews: list[ArtifactReview], files: list[str], name: str
) -> None:
    """A wheel whose code, metadata or entry points do not change like most others is named."""
    (found,) = uneven_findings(reviews)

    assert found.files == tuple(files)
    assert name in found.message


@pytest.mark.parametrize(
    "reviews",
    [
        wheels(MEMBER, MEMBER, MEMBER),
        wheels(MEMBER, replace(MEMBER, size_after=9, sha256="1"), MEMBER),
        wheels(replace(MEMBER, path="demo/_core.*.so")),
        [*wheels()[:2], a_review("demo-2.0.tar.gz", members=(MEMBER,))],
        [*wheels()[:2], a_review(WHEELS[2], members=(MEMBER,), not_compared="It is damaged.")],
        [],
    ],
    ids=["alike", "other ends of lines", "an extension", "the sdist", "not compared", "nothing"],
)
def test_wheels_that_change_alike(reviews: list[ArtifactReview]) -> None:
    """Extensions are built for each wheel, and what was not compared is not known."""
    assert uneven_findings(reviews) == []
