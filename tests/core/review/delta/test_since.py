"""What a file of a stage changes beside the one that it replaced."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.compare import compare_summaries
from stageproxy.core.review.delta.delta import ArtifactDelta, ChangeKind, RequirementChange
from stageproxy.core.review.delta.since import review_since
from stageproxy.core.review.summary import ArchiveSummary
from tests.support.builders.summaries import WHEEL, a_summary

FIELDS = st.lists(
    st.sampled_from(
        [
            "Summary: A",
            "Summary: B",
            "Classifier: X",
            "Classifier: Y",
            "Project-URL: Docs, https://a.example",
            "Project-URL: Docs, https://b.example",
            "Requires-Python: >=3.9",
            "Requires-Python: >=3.10",
            "Requires-Dist: foo>=1",
            "Requires-Dist: bar<2",
        ]
    ),
    max_size=8,
)
SUMMARIES = st.builds(
    lambda fields, files, points: a_summary(
        "Name: demo", *_one_of_each(fields), files=files, entry_points=points
    ),
    FIELDS,
    st.dictionaries(st.sampled_from(["a.py", "b.py", "c.py"]), st.sampled_from(["x", "y", "zz"])),
    st.lists(st.sampled_from(["g: a = m:f", "g: a = m:g", "g: b = m:f"]), max_size=1),
)


def _one_of_each(lines: list[str]) -> list[str]:
    """Return lines with one value for each field that takes one."""
    return [*{line if line[0] == "C" else line.partition(":")[0]: line for line in lines}.values()]


def review(before: ArchiveSummary, after: ArchiveSummary) -> ArtifactReview:
    """Return the review of an artifact beside another."""
    changes = compare_summaries(before, after)
    delta = ArtifactDelta(
        WHEEL,
        "demo-1.0-py3-none-any.whl",
        members=changes.members,
        count_before=changes.count_before,
        count_after=changes.count_after,
    )
    return ArtifactReview(delta, changes.fields, changes.requirements, changes.names)


@given(SUMMARIES, SUMMARIES, SUMMARIES)
def test_what_is_derived_is_what_a_comparison_finds(
    release: ArchiveSummary, earlier: ArchiveSummary, present: ArchiveSummary
) -> None:
    """For any release and two candidates, the change between these follows from their reviews."""
    derived = review_since(review(release, earlier), review(release, present))
    direct = review(earlier, present)

    assert derived is not None
    assert {(one.path, one.kind, one.size_before) for one in derived.delta.members} == {
        (one.path, one.kind, one.size_before) for one in direct.delta.members
    }
    assert {replace(one, field=one.field.lower()) for one in derived.fields} == {
        replace(one, field=one.field.lower()) for one in direct.fields
    }
    assert set(derived.names) == set(direct.names)
    assert set(derived.requirements) == set(direct.requirements)
    assert derived.delta.count_before == direct.delta.count_before


def test_what_was_undone() -> None:
    """A requirement that the earlier candidate added is removed if the present one lacks it."""
    release, earlier = a_summary("Name: a"), a_summary("Name: a", "Requires-Dist: foo")

    derived = review_since(review(release, earlier), review(release, release))

    assert derived is not None
    assert [(one.change, one.before, one.after) for one in derived.requirements] == [
        (RequirementChange.REMOVED, "foo", "")
    ]


def test_lines_are_not_compared() -> None:
    """Of a file that differs from the one before and from the release, no lines are known."""
    summaries = [a_summary(files={"a.py": text}) for text in ("1", "22", "333")]

    derived = review_since(review(*summaries[:2]), review(summaries[0], summaries[2]))

    assert derived is not None
    (member,) = derived.delta.members
    assert (member.kind, member.size_before, member.size_after) == (ChangeKind.CHANGED, 2, 3)
    assert "no lines are compared" in member.not_shown


def test_what_cannot_be_derived() -> None:
    """Nothing is derived if a comparison is missing or incomplete, or was with another release."""
    whole = review(a_summary("Name: a"), a_summary("Name: b"))
    others = [
        replace(whole, delta=replace(whole.delta, before="demo-0.9-py3-none-any.whl")),
        replace(whole, delta=replace(whole.delta, omitted=1)),
        replace(whole, delta=replace(whole.delta, not_compared="It is damaged.")),
        replace(whole, fields=whole.fields * 500),
    ]

    assert [review_since(one, whole) for one in others] == [None] * 4
    assert [review_since(whole, one) for one in others] == [None] * 4
