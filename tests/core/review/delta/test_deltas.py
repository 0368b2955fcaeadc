"""What a stage changes as a whole."""

from dataclasses import replace

import pytest

from stageproxy.core.review.delta import deltas
from stageproxy.core.review.delta.delta import (
    Against,
    ChangeKind,
    Delta,
    DiffLine,
    FieldDelta,
    MemberDelta,
    NameDelta,
)
from stageproxy.core.review.delta.deltas import MOST_CHANGES, merge_delta, merge_findings
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from tests.support.builders.summaries import a_review

DELTA = Delta(Against.RELEASE, "1.0", "demo 1.0")
WHEELS = [f"demo-2.0-cp3{minor}-cp3{minor}-win_amd64.whl" for minor in (12, 13)]
SDIST = "demo-2.0.tar.gz"
SUMMARY = FieldDelta("Summary", ChangeKind.CHANGED, "A", "B")
DIFF = (DiffLine("-", "1", 1), DiffLine("+", "2", 1))
MEMBER = MemberDelta("demo/a.py", ChangeKind.CHANGED, 1, 1, DIFF)


def test_the_same_change_of_all_artifacts_is_one_line() -> None:
    """A field that changes in every artifact is listed once, without their names."""
    reviews = [replace(a_review(one), fields=(SUMMARY,)) for one in (*WHEELS, SDIST)]

    assert merge_delta(DELTA, reviews).fields == (SUMMARY,)


def test_a_change_of_some_artifacts_names_them() -> None:
    """A field that changes in some of the artifacts is listed with their names."""
    reviews = [a_review(WHEELS[0]), replace(a_review(WHEELS[1]), fields=(SUMMARY,))]

    assert merge_delta(DELTA, reviews).fields == (replace(SUMMARY, files=(WHEELS[1],)),)


def test_a_name_that_changes_in_all_wheels() -> None:
    """Names are those of wheels: that an sdist does not have them is no difference."""
    name = NameDelta("module", "demo", ChangeKind.REMOVED, "demo")
    reviews = [a_review(SDIST), *(replace(a_review(one), names=(name,)) for one in WHEELS)]

    assert merge_delta(DELTA, reviews).names == (name,)


def test_artifacts_are_in_the_order_of_their_promotion() -> None:
    """Wheels come first, then the sdist, then what is removed; sizes are added up."""
    reviews = [
        a_review(SDIST, size_before=10, size_after=20),
        a_review(WHEELS[1], WHEELS[0], size_before=1, size_after=4),
        a_review(WHEELS[0], WHEELS[0], size_before=1, size_after=3),
    ]

    found = merge_delta(DELTA, reviews, {"demo-1.0-py3-none-any.whl": 100})

    names = [one.filename or one.before for one in found.artifacts]
    assert names == [*WHEELS, SDIST, "demo-1.0-py3-none-any.whl"]
    assert (found.size_before, found.size_after) == (111, 27)


def test_the_same_change_of_a_file_is_listed_once() -> None:
    """A file that changes in the same way in several wheels is listed for the first of them."""
    reviews = [a_review(one, members=(MEMBER,), omitted=1) for one in WHEELS]

    first, second = merge_delta(DELTA, reviews).artifacts

    assert (first.members, first.repeated, first.omitted) == ((MEMBER,), 0, 1)
    assert (second.members, second.repeated, second.omitted) == ((), 1, 1)


@pytest.mark.parametrize(
    "other",
    [
        replace(MEMBER, size_before=2, size_after=2),
        replace(MEMBER, path="src/demo/a.py"),
    ],
    ids=["other ends of lines", "in src/"],
)
def test_the_same_lines_are_the_same_change(other: MemberDelta) -> None:
    """A file that changes alike is listed once, if its line ends or its folder differ."""
    reviews = [a_review(WHEELS[0], members=(MEMBER,)), a_review(SDIST, members=(other,))]

    first, second = merge_delta(DELTA, reviews).artifacts

    assert (first.members, second.members, second.repeated) == ((MEMBER,), (), 1)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (MEMBER, replace(MEMBER, diff=DIFF[1:])),
        (replace(MEMBER, diff=(), sha256="1"), replace(MEMBER, diff=(), sha256="2")),
    ],
    ids=["lines", "bytes"],
)
def test_other_contents_are_another_change(first: MemberDelta, other: MemberDelta) -> None:
    """A file that changes in another way is listed for each artifact."""
    reviews = [a_review(WHEELS[0], members=(first,)), a_review(SDIST, members=(other,))]

    assert merge_delta(DELTA, reviews).artifacts[1].members == (other,)


def test_what_there_is_no_room_for_is_counted() -> None:
    """Of very many changes, those that are not listed are counted."""
    members = tuple(replace(MEMBER, path=f"{one}.py", diff=()) for one in range(MOST_CHANGES))
    fields = tuple(replace(SUMMARY, before=str(one)) for one in range(MOST_CHANGES + 5))
    reviews = [
        replace(a_review(WHEELS[0], members=members), fields=fields),
        a_review(WHEELS[1], members=(MEMBER,)),
    ]

    found = merge_delta(DELTA, reviews)

    assert (len(found.fields), found.omitted) == (MOST_CHANGES, 5)
    assert (found.artifacts[1].members, found.artifacts[1].omitted) == ((), 1)


def test_diffs_that_there_is_no_room_for() -> None:
    """All diffs together are bounded; where one is left out, it is said."""
    long = DIFF[:1] * (deltas.MOST_DIFF_LINES - 1)
    members = (replace(MEMBER, path="b.py", diff=long), MEMBER)

    first, second = merge_delta(DELTA, [a_review(WHEELS[0], members=members)]).artifacts[0].members

    assert first.diff == long
    assert (second.diff, second.not_shown[:29]) == ((), "The diffs of a review have at")


def test_the_same_finding_on_several_artifacts_is_one() -> None:
    """A finding on 60 wheels is one finding with their names."""
    finding = ReviewFinding(Section.SUPPLY_CHAIN, Level.WARN, "pth-file", "A file.", files=("a",))
    other = replace(finding, message="Another file.")

    assert merge_findings([finding, other, replace(finding, files=("b",))]) == (
        replace(finding, files=("a", "b")),
        other,
    )


def test_a_finding_on_metadata_is_one_wherever_it_is() -> None:
    """What is wrong with the metadata of a wheel and of the sdist is one finding; code is not."""
    metadata = ReviewFinding(
        Section.STRICTNESS, Level.NOTE, "x", "M.", files=("a",), place="METADATA:8"
    )
    code = replace(metadata, section=Section.SUPPLY_CHAIN, place="a.py:1")
    sdist = replace(metadata, files=("b",), place="PKG-INFO:9")

    assert merge_findings([metadata, sdist, code, replace(code, place="b.py:1")]) == (
        replace(metadata, files=("a", "b")),
        code,
        replace(code, place="b.py:1"),
    )
