"""The earlier candidates of a stage, and what has changed since."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.audit import AuditRecord
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.candidates import MOST_CANDIDATES, candidate_deltas, candidates_in
from stageproxy.core.review.delta.delta import Against, ArtifactDelta, ChangeKind, Delta, FieldDelta
from stageproxy.core.stage.stage import Artifact
from tests.support.builders.stages import an_artifact
from tests.support.builders.trails import a_chain, an_event
from tests.support.ports.clock import NOON


def trail(*steps: str) -> list[AuditRecord]:
    """Return the audit trail of steps, one a minute: `+a1` uploads bytes 1 as a, `-a` withdraws."""
    actions = {"+": "uploaded", "~": "replaced", "-": "withdrawn"}
    return a_chain(
        *(
            an_event(
                actions[step[0]],
                at=NOON + timedelta(minutes=minute),
                filename=step[1],
                sha256=step[2:],
                size=int(step[2:] or 0),
            )
            for minute, step in enumerate(steps)
        )
    )


def held(*files: str) -> list[Artifact]:
    """Return artifacts: `a1` is a with bytes 1, and 1 byte."""
    return [
        replace(an_artifact("demo-2.0.tar.gz"), filename=one[0], sha256=one[1:], size=int(one[1:]))
        for one in files
    ]


@pytest.mark.parametrize(
    ("steps", "candidates"),
    [
        ([], []),
        (["+a1", "+b1"], ["a1 b1"]),
        (["+a1", "+b1", "~a2", "~b2"], ["a1 b1", "a2 b2"]),
        (["+a1", "~a2", "~a3"], ["a1", "a2", "a3"]),
        (["+a1", "-a", "+a2"], ["a1", "a2"]),
        (["+a1", "+b1", "-b", "+c1"], ["a1 b1", "a1 c1"]),
        (["+a1", "~a1"], ["a1"]),
        (["+a1", "-b"], ["a1"]),
        (["+a1", "-a"], ["a1", ""]),
    ],
    ids=[
        "empty",
        "one build",
        "two builds",
        "one file again and again",
        "withdrawn and uploaded",
        "one for another",
        "the same bytes again",
        "an unknown file",
        "nothing left",
    ],
)
def test_a_candidate_ends_when_one_of_its_files_changes(
    steps: list[str], candidates: list[str]
) -> None:
    """Files that change one after the other, each once, are one change of the stage."""
    found = candidates_in(trail(*steps))

    shown = [
        " ".join(f"{name}{one.sha256}" for name, one in sorted(each.files.items()))
        for each in found
    ]
    assert shown == candidates
    assert [one.number for one in found] == [*range(1, len(found) + 1)]


def test_what_has_changed_since_a_candidate() -> None:
    """Files that were replaced, added or withdrawn since are listed with hashes and sizes."""
    records = trail("+a1", "+b1", "~a2", "-b", "+c3")

    assert [
        (one.against, one.label, one.size_before, one.size_after)
        for one in candidate_deltas("2.0", held("a2", "c3"), records)
    ] == [(Against.CANDIDATE, f"candidate 1 of {NOON:%Y-%m-%d} 12:01 UTC", 2, 5)]
    (delta,) = candidate_deltas("2.0", held("a2", "c3"), records)
    replaced, added, withdrawn = delta.artifacts
    assert (replaced.filename, replaced.before, replaced.sha256_before, replaced.sha256_after) == (
        ("a", "a", "1", "2")
    )
    assert replaced.not_compared.startswith("The file that was replaced is not stored any more")
    assert added == ArtifactDelta("c", size_after=3, sha256_after="3")
    assert withdrawn == ArtifactDelta("", "b", 1, sha256_before="1")


def test_contents_are_shown_where_both_files_were_reviewed() -> None:
    """What is known of the contents of a file and of the one that it replaced is shown."""
    summary = FieldDelta("Summary", ChangeKind.CHANGED, "A", "B")
    known = ArtifactReview(ArtifactDelta("a", "a", count_before=7), (summary,))

    (delta,) = candidate_deltas("2.0", held("a2"), trail("+a1", "~a2"), {("1", "2"): known})

    assert delta.fields == (summary,)
    assert delta.artifacts == (
        ArtifactDelta("a", "a", 1, 2, count_before=7, sha256_before="1", sha256_after="2"),
    )


def test_the_latest_candidate_comes_first() -> None:
    """The last candidates are compared, the latest first; what is there again is none of them."""
    steps = ["+a1", *(f"~a{one}" for one in range(2, 20))]

    deltas = candidate_deltas("2.0", held("a19"), trail(*steps))

    assert len(deltas) == MOST_CANDIDATES
    assert deltas[0].label.startswith("candidate 18 of")


def test_a_stage_that_is_as_it_was() -> None:
    """A candidate with the present files is no earlier one."""
    no_deltas: tuple[Delta, ...] = ()

    assert candidate_deltas("2.0", held("a1"), trail("+a1")) == no_deltas
