"""What a stage allows: the table of its life, cell by cell."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.errors import ConflictError
from stageproxy.core.stage.stage import (
    LIVE,
    NEXT,
    Status,
    Step,
    ended,
    expiry_after_change,
    expiry_after_extension,
    same_version,
)
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON

LONGEST = timedelta(days=30)
WEEK = timedelta(days=7)
EDITED, PROMOTED, SUCCEEDS, FAILS, CANCELED = Step
LIFE: Mapping[tuple[Status, bool], Mapping[Step, Status]] = {
    (Status.OPEN, False): {
        EDITED: Status.OPEN,
        PROMOTED: Status.PROCESSING,
        CANCELED: Status.CANCELED,
    },
    (Status.OPEN, True): {},
    (Status.PROCESSING, False): {SUCCEEDS: Status.PUBLISHED, FAILS: Status.ERROR},
    (Status.PROCESSING, True): {SUCCEEDS: Status.PUBLISHED, FAILS: Status.ERROR},
    (Status.ERROR, False): {
        EDITED: Status.ERROR,
        PROMOTED: Status.PROCESSING,
        CANCELED: Status.CANCELED,
    },
    (Status.ERROR, True): {PROMOTED: Status.PROCESSING},
    (Status.PUBLISHED, False): {},
    (Status.PUBLISHED, True): {},
    (Status.CANCELED, False): {},
    (Status.CANCELED, True): {},
}
"""A stage's life, as ARCHITECTURE.md has it."""

CELLS = [
    pytest.param(status, sent, step, LIFE[status, sent].get(step), id=f"{status}-{sent}-{step}")
    for status in Status
    for sent in (False, True)
    for step in Step
]


@pytest.mark.parametrize(("status", "sent", "step", "expected"), CELLS)
def test_each_step_leads_where_the_table_says(
    status: Status, step: Step, expected: Status | None, *, sent: bool
) -> None:
    """A cell of the table is a status, or a conflict (#28, #31, #32, #117)."""
    stage = a_stage(status=status, sent=sent)

    if expected is not None:
        assert stage.after(step) is expected
        return
    with pytest.raises(ConflictError):
        stage.after(step)


@pytest.mark.parametrize("cell", NEXT, ids=str)
def test_the_table_says_nothing_more(cell: tuple[Status, bool]) -> None:
    """What the code allows is on the page that people read."""
    assert NEXT[cell] == LIFE[cell]


def test_a_conflict_says_what_is_in_the_way() -> None:
    """The sentence names the release, its state, and what cannot be done."""
    with pytest.raises(ConflictError) as caught:
        a_stage(status=Status.PROCESSING).after(Step.EDIT)

    assert caught.value.sentence == "Stage demo 2.0 is processing and cannot be edited."


def test_a_conflict_says_how_a_half_published_stage_goes_on() -> None:
    """That it is in error would not help: the sentence says what does."""
    with pytest.raises(ConflictError) as caught:
        a_stage(status=Status.ERROR, sent=True).after(Step.CANCEL)

    assert caught.value.sentence == (
        "Stage demo 2.0 is partially published and cannot be canceled. "
        "Run `stageproxy promote STAGE` again to publish the rest."
    )


@pytest.mark.parametrize(
    ("version", "release"), [("2.0", "demo 2.0"), (None, "demo (no version yet)")], ids=str
)
def test_a_release_has_a_name(version: str | None, release: str) -> None:
    """People see the project and the version, if it is known."""
    assert a_stage(version).release == release


@pytest.mark.parametrize("sent", [False, True], ids=["nothing sent", "something sent"])
@pytest.mark.parametrize("status", Status)
def test_only_what_can_be_canceled_expires(status: Status, *, sent: bool) -> None:
    """A stage that is being published, or half published, does not go away (#117)."""
    stage = a_stage(status=status, sent=sent)

    assert stage.has_expired(stage.expires_at) == (CANCELED in LIFE[status, sent])
    assert not stage.has_expired(stage.expires_at - timedelta(seconds=1))


@pytest.mark.parametrize("status", Status)
def test_a_live_stage_stands_for_a_release_to_come(status: Status) -> None:
    """One live stage of a release at a time; ended ones do not count (#8, #9)."""
    assert a_stage(status=status).is_live(NOON) == (status in LIVE)


def test_an_expired_stage_is_not_live() -> None:
    """A stage whose time is over does not count, before anything says so in the database."""
    stage = a_stage()

    assert not stage.is_live(stage.expires_at)


def test_an_ended_stage_says_why() -> None:
    """Ending keeps everything else, and counts as a change."""
    stage = ended(a_stage(revision=4), "It was canceled.", NOON)

    assert (stage.status, stage.reason, stage.ended_at, stage.revision) == (
        Status.CANCELED,
        "It was canceled.",
        NOON,
        5,
    )


def test_artifacts_are_found_by_filename() -> None:
    """A filename is one artifact, or none."""
    held = an_artifact("demo-2.0.tar.gz")
    stage = a_stage("2.0", held)

    assert stage.find_artifact("demo-2.0.tar.gz") is held
    assert stage.find_artifact("demo-2.0.zip") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.0", "1.0.0", True),
        ("1", "1.0", True),
        ("1.0rc1", "1.0-rc.1", True),
        ("v1.0", "1.0", True),
        ("1!1.0", "1.0", False),
        ("1.0", "1.0.post0", False),
        ("1.0", "1.1", False),
    ],
    ids=str,
)
def test_a_release_has_many_spellings(one: str, other: str, *, same: bool) -> None:
    """PyPI takes spellings that mean the same version for the same release (#8, #88)."""
    assert same_version(one, other) is same
    assert a_stage(one).accepts_version(other) is same


def test_a_stage_without_version_takes_any() -> None:
    """The first artifact fixes the version."""
    assert a_stage(None).accepts_version("1.0")


LENGTHS = st.timedeltas(timedelta(), timedelta(days=999_999_999))


@given(lifetime=LENGTHS, age=st.timedeltas(timedelta(), LONGEST))
def test_a_change_restarts_the_lifetime(lifetime: timedelta, age: timedelta) -> None:
    """A change never shortens a stage's life, nor lets it live longer than allowed (#13)."""
    stage = a_stage(lifetime=lifetime, expires_at=NOON + WEEK)

    expiry = expiry_after_change(stage, NOON + age, longest=LONGEST)

    assert NOON + WEEK <= expiry <= NOON + LONGEST
    assert expiry in {NOON + WEEK, NOON + LONGEST} or expiry == NOON + age + lifetime


@given(by=LENGTHS)
def test_an_extension_is_capped(by: timedelta) -> None:
    """An extension by however much is no error: it goes as far as it may (#36).

    Once one by more than eight thousand years was an error of the server.
    """
    expiry = expiry_after_extension(a_stage(lifetime=WEEK), by, longest=LONGEST)

    assert expiry == NOON + min(WEEK + min(by, LONGEST), LONGEST)


def test_a_lowered_limit_does_not_shorten() -> None:
    """What was promised stays, when the operator lowers the limit afterwards (#13)."""
    stage = a_stage(expires_at=NOON + LONGEST)

    assert expiry_after_extension(stage, WEEK, longest=WEEK) == NOON + LONGEST
    assert expiry_after_change(stage, NOON, longest=WEEK) == NOON + LONGEST
