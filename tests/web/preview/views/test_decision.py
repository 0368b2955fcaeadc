"""The decision strip: what somebody needs first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.review import ReviewProgress, ReviewState
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Status
from stageproxy.web.preview.views.decision import (
    counts_of,
    expiry_words,
    judgment_of,
    state_of,
    tries_of,
)
from tests.support.builders.page_facts import a_large_release, a_small_release
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON

SMALL = a_small_release().review
RUNNING = replace(SMALL, progress=ReviewProgress(ReviewState.RUNNING, 1, 2))
FAILED = replace(SMALL, progress=ReviewProgress(ReviewState.FAILED))


def a_finding(level: Level) -> ReviewFinding:
    """Return a finding of a level."""
    return ReviewFinding(Section.VERDICT, level, "code", "A message.")


JUDGMENTS = {
    "Nothing was found that speaks against publishing it.": SMALL,
    "Nothing speaks against it so far. The comparison still runs.": RUNNING,
    "Nothing speaks against it so far, but its contents were not compared.": replace(
        SMALL, deltas=()
    ),
    "Nothing speaks against it, but the contents could not be compared.": FAILED,
    "One thing needs a decision before this is published.": replace(
        RUNNING, findings=(a_finding(Level.WARN), a_finding(Level.NOTE))
    ),
    "PyPI would refuse this release, for a reason.": replace(
        SMALL, findings=(a_finding(Level.REFUSE), a_finding(Level.WARN))
    ),
}


@pytest.mark.parametrize("sentence", JUDGMENTS)
def test_judgment(sentence: str) -> None:
    """One sentence says what the findings come to, the gravest first."""
    assert judgment_of(JUDGMENTS[sentence], "PyPI").sentence == sentence


ARTIFACT = an_artifact()
STATES = {
    "empty": a_stage(None),
    "staged": a_stage("2.0", ARTIFACT),
    "being published": a_stage("2.0", ARTIFACT, status=Status.PROCESSING),
    "not published": a_stage("2.0", ARTIFACT, status=Status.ERROR),
    "partially published": a_stage("2.0", ARTIFACT, status=Status.ERROR, sent=True),
    "published": a_stage("2.0", ARTIFACT, status=Status.PUBLISHED, sent=True),
}


@pytest.mark.parametrize("word", STATES)
def test_each_state_has_its_truth(word: str) -> None:
    """No two states have the same word, and what is public is never called unpublished."""
    state = state_of(STATES[word], "PyPI")

    assert state.word == word
    assert ("not on PyPI yet" in state.sentence) == (word in {"staged", "not published"})


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=6, hours=23), "in 6 days"),
        (timedelta(days=1, hours=23), "in 47 hours"),
        (timedelta(minutes=90), "in 90 min"),
        (timedelta(seconds=20), "in 1 min"),
        (timedelta(0), "now"),
    ],
)
def test_expiry(left: timedelta, words: str) -> None:
    """The time that is left is said in units that people plan by."""
    stage = a_stage("2.0", expires_at=NOON + left)

    assert expiry_words(stage, NOON) == words


def test_what_does_not_expire() -> None:
    """A stage that is being published does not expire."""
    assert expiry_words(STATES["being published"], NOON) == ""


def test_counts() -> None:
    """Findings are counted in words, by severity."""
    findings = [a_finding(Level.NOTE), a_finding(Level.WARN), a_finding(Level.WARN)]

    assert [one.words for one in counts_of(findings)] == ["2 warnings", "1 note"]


def test_tries_of_earlier_files_do_not_count() -> None:
    """Only tries of exactly these files speak for them."""
    tries = tries_of(a_large_release().review)

    assert (tries.words, tries.superseded) == ("2 passed, 1 failed", "1 of earlier files")
