"""The states of a stage, cell by cell."""

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
EDITED, EXTENDED, PROMOTED, STOPPED, SUCCEEDS, FAILS, CANCELED, GIVEN_UP = Step
LIFE: Mapping[tuple[Status, bool], Mapping[Step, Status]] = {
    (Status.OPEN, False): {
        EDITED: Status.OPEN,
        EXTENDED: Status.OPEN,
        PROMOTED: Status.PROCESSING,
        CANCELED: Status.CANCELED,
    },
    (Status.OPEN, True): {},
    (Status.PROCESSING, False): {
        STOPPED: Status.PROCESSING,
        SUCCEEDS: Status.PUBLISHED,
        FAILS: Status.ERROR,
    },
    (Status.PROCESSING, True): {
        STOPPED: Status.PROCESSING,
        SUCCEEDS: Status.PUBLISHED,
        FAILS: Status.ERROR,
    },
    (Status.ERROR, False): {
        EDITED: Status.ERROR,
        EXTENDED: Status.ERROR,
        PROMOTED: Status.PROCESSING,
        STOPPED: Status.ERROR,
        CANCELED: Status.CANCELED,
    },
    (Status.ERROR, True): {
        EDITED: Status.ERROR,
        PROMOTED: Status.PROCESSING,
        STOPPED: Status.ERROR,
        GIVEN_UP: Status.CANCELED,
    },
    (Status.PUBLISHED, False): {},
    (Status.PUBLISHED, True): {},
    (Status.CANCELED, False): {},
    (Status.CANCELED, True): {},
}
"""The states of a stage, as in docs/architecture.md."""

CELLS = [
    pytest.param(status, sent, step, LIFE[status, sent].get(step), id=f"{status}-{sent}-{step}")
    for status in Status
    for sent in (False, True)
    for step in Step
]


@pytest.mark.parametrize(("status", "sent", "step", "expected"), CELLS)
def test_each_step_has_the_outcome_of_the_table(
    status: Status, step: Step, expected: Status | None, *, sent: bool
) -> None:
    """A cell of the table is a status, or a conflict."""
    stage = a_stage(status=status, sent=sent)

    if expected is not None:
        assert stage.after(step) is expected
        return
    with pytest.raises(ConflictError):
        stage.after(step)


@pytest.mark.parametrize("cell", NEXT, ids=str)
def test_documentation_has_the_same_table(cell: tuple[Status, bool]) -> None:
    """The table in the documentation is that of the code."""
    assert NEXT[cell] == LIFE[cell]


def test_conflict_has_a_reason() -> None:
    """The sentence names the release, its status, the step, and what to do."""
    with pytest.raises(ConflictError) as caught:
        a_stage(status=Status.PROCESSING).after(Step.EDIT)

    assert caught.value.sentence == (
        "Stage demo 2.0 is processing and cannot be edited. "
        "Wait until it has ended, or stop it with `stageproxy promote STAGE --stop`."
    )


def test_conflict_without_advice() -> None:
    """Where nothing can be done, the sentence has no advice."""
    with pytest.raises(ConflictError) as caught:
        a_stage(status=Status.PUBLISHED, sent=True).after(Step.STOP)

    assert caught.value.sentence == "Stage demo 2.0 is published and cannot be stopped."


def test_conflict_of_a_half_published_stage() -> None:
    """The sentence says how to resume a half-published stage, and how to give it up."""
    with pytest.raises(ConflictError) as caught:
        a_stage(status=Status.ERROR, sent=True).after(Step.CANCEL)

    assert caught.value.sentence == (
        "Stage demo 2.0 is partially published and cannot be canceled. "
        "Run `stageproxy promote STAGE` again to publish the rest. "
        "To give up what is left, run `stageproxy promote STAGE --give-up`."
    )


def test_conflict_of_an_unpublished_stage() -> None:
    """A stage of which nothing is published is canceled, not given up."""
    with pytest.raises(ConflictError) as caught:
        a_stage(status=Status.ERROR).after(Step.GIVE_UP)

    assert caught.value.sentence == (
        "Stage demo 2.0 is unpublished and cannot be given up. "
        "Nothing of it is published: cancel it with `stageproxy stage cancel STAGE`."
    )


@pytest.mark.parametrize(
    ("version", "release"), [("2.0", "demo 2.0"), (None, "demo (no version yet)")], ids=str
)
def test_release_has_a_name(version: str | None, release: str) -> None:
    """A release is shown as project and version, if the version is known."""
    assert a_stage(version).release == release


@pytest.mark.parametrize("sent", [False, True], ids=["nothing sent", "something sent"])
@pytest.mark.parametrize("status", Status)
def test_only_stages_that_can_be_canceled_expire(status: Status, *, sent: bool) -> None:
    """A stage that is being published, or is half published, does not expire."""
    stage = a_stage(status=status, sent=sent)

    assert stage.has_expired(stage.expires_at) == (CANCELED in LIFE[status, sent])
    assert not stage.has_expired(stage.expires_at - timedelta(seconds=1))


@pytest.mark.parametrize("status", Status)
def test_live_stage_of_a_release(status: Status) -> None:
    """A release has at most one live stage; stages that ended do not count."""
    assert a_stage(status=status).is_live(NOON) == (status in LIVE)


def test_expired_stage_is_not_live() -> None:
    """A stage that has expired is not live, even before the database is updated."""
    stage = a_stage()

    assert not stage.is_live(stage.expires_at)


def test_ended_stage_has_a_reason() -> None:
    """Ending a stage changes its status, reason and revision only."""
    stage = ended(a_stage(revision=4), "It was canceled.", NOON)

    assert (stage.status, stage.reason, stage.ended_at, stage.revision) == (
        Status.CANCELED,
        "It was canceled.",
        NOON,
        5,
    )


def test_artifact_is_found_by_filename() -> None:
    """A filename finds one artifact, or none."""
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
def test_release_in_any_spelling(one: str, other: str, *, same: bool) -> None:
    """Spellings of the same version are one release, as on PyPI."""
    assert same_version(one, other) is same
    assert a_stage(one).accepts_version(other) is same


def test_stage_without_version_accepts_any() -> None:
    """A stage without a version accepts any version."""
    assert a_stage(None).accepts_version("1.0")


LENGTHS = st.timedeltas(timedelta(), timedelta(days=999_999_999))


@given(lifetime=LENGTHS, age=st.timedeltas(timedelta(), LONGEST))
def test_change_restarts_the_lifetime(lifetime: timedelta, age: timedelta) -> None:
    """A change never shortens the lifetime of a stage, nor extends it beyond the limit."""
    stage = a_stage(lifetime=lifetime, expires_at=NOON + WEEK)

    expiry = expiry_after_change(stage, NOON + age, longest=LONGEST)

    assert NOON + WEEK <= expiry <= NOON + LONGEST
    assert expiry in {NOON + WEEK, NOON + LONGEST} or expiry == NOON + age + lifetime


@given(by=LENGTHS)
def test_extension_is_limited(by: timedelta) -> None:
    """An extension that is too long is cut to the limit.

    One of more than eight thousand years was an internal error once.
    """
    expiry = expiry_after_extension(a_stage(lifetime=WEEK), by, longest=LONGEST)

    assert expiry == NOON + min(WEEK + min(by, LONGEST), LONGEST)


def test_lowered_limit_does_not_shorten() -> None:
    """A lower limit in the settings does not shorten the lifetime of existing stages."""
    stage = a_stage(expires_at=NOON + LONGEST)

    assert expiry_after_extension(stage, WEEK, longest=WEEK) == NOON + LONGEST
    assert expiry_after_change(stage, NOON, longest=WEEK) == NOON + LONGEST
