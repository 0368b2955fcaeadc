"""Tests of the state of a stage at a point in time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stageproxy.core.stage.lifetime import (
    as_of,
    edited,
    end_message,
    end_of,
    limit_notice,
    make_room,
    next_change,
)
from stageproxy.core.stage.stage import LAG, Stage, Status, as_previewed, ended
from tests.support.builders.stages import a_file_upload, a_stage, an_artifact
from tests.support.ports.clock import NOON

DAY = timedelta(days=1)


def test_expired_stage_has_ended() -> None:
    """A stage has ended when it expired, even before a sweep."""
    stage = replace(a_stage("2.0"), expires_at=NOON)

    seen = as_of(stage, NOON + DAY)

    assert (seen.status, seen.ended_at, seen.reason) == (Status.CANCELED, NOON, "It expired.")


def test_live_stage_is_unchanged() -> None:
    """Before its time a stage is as it is stored, with its unfinished uploads."""
    upload = replace(a_file_upload(), expires_at=NOON + DAY)
    stage = replace(a_stage("2.0"), expires_at=NOON + DAY, uploads=(upload,))

    assert as_of(stage, NOON) is stage


def test_expired_uploads_are_gone() -> None:
    """An upload that was not completed in time no longer keeps a stage from being promoted."""
    upload = replace(a_file_upload(), expires_at=NOON)
    stage = replace(a_stage("2.0"), expires_at=NOON + DAY, uploads=(upload,))

    assert as_of(stage, NOON).uploads == ()


def test_edit_restarts_the_lifetime() -> None:
    """A change of files raises the revision, and the lifetime starts again."""
    stage = replace(a_stage("2.0"), lifetime=DAY, opened_at=NOON, expires_at=NOON + DAY, revision=3)

    changed = edited(stage, NOON + DAY / 2, longest=DAY * 30)

    assert (changed.revision, changed.expires_at) == (4, NOON + DAY * 3 / 2)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("It expired.", "Stage demo 2.0 ended on 2026-01-01 12:00 UTC: it expired."),
        (None, "Stage demo 2.0 ended on 2026-01-01 12:00 UTC."),
    ],
)
def test_end_message(reason: str | None, message: str) -> None:
    """An ended stage is named by its release, with the time and the reason of its end."""
    ended_at = NOON.replace(year=2026, month=1, day=1, hour=12, minute=0)

    assert end_message(replace(a_stage("2.0"), ended_at=ended_at, reason=reason)) == message


HOUR = timedelta(hours=1)
NEW = a_stage("1.0", opened_at=NOON)
OLD = a_stage("2.0", opened_at=NOON - HOUR)
OLDER = a_stage("3.0", opened_at=NOON - DAY)


@pytest.mark.parametrize(
    ("live", "over"),
    [
        ([NEW, OLD, OLDER], [OLDER]),
        ([NEW, OLD], [OLD]),
        ([NEW], []),
        ([replace(OLD, artifacts=(an_artifact(),))], []),
        ([replace(OLD, uploads=(a_file_upload(),))], []),
        ([replace(OLD, status=Status.PROCESSING)], []),
    ],
    ids=[
        "the oldest first",
        "after the lifetime of empty stages",
        "a new one",
        "with a file",
        "with an upload",
        "while it is published",
    ],
)
def test_room_for_another_stage(live: list[Stage], over: list[Stage]) -> None:
    """A stage ends for another one if it has been without files for the lifetime of empty ones."""
    made = make_room(live, 1, NOON, empty_lifetime=HOUR)

    assert [(one.version, one.status, one.ended_at) for one in made] == [
        (one.version, Status.CANCELED, NOON) for one in over
    ]


def test_room_for_several_stages() -> None:
    """As many stages end as there is room for others to be made, and no more."""
    made = make_room([NEW, OLD, OLDER], 2, NOON, empty_lifetime=HOUR)

    assert [one.version for one in made] == ["3.0", "2.0"]


@pytest.mark.parametrize(
    ("stage", "end"),
    [
        (a_stage("2.0"), None),
        (a_stage("2.0", status=Status.PROCESSING), None),
        (a_stage("2.0", status=Status.ERROR, sent=True), None),
        (a_stage("2.0", status=Status.PUBLISHED, sent=True), "published"),
        (as_of(a_stage("2.0"), NOON + 30 * DAY), "expired"),
        (make_room([OLD], 1, NOON, empty_lifetime=HOUR)[0], "expired"),
        (ended(a_stage("2.0"), "It was canceled.", NOON), "canceled"),
        (ended(a_stage("2.0", sent=True), "It was given up.", NOON), "given-up"),
    ],
    ids=[
        "open",
        "being published",
        "partly published",
        "published",
        "its time is over",
        "for another stage",
        "by a person",
        "partly published and given up",
    ],
)
def test_end(stage: Stage, end: str | None) -> None:
    """An end has its own word, although PEP 694 calls all but one of them canceled."""
    assert end_of(stage) == end


def test_lifetime_beyond_the_limit() -> None:
    """Who wants more time than the server allows is told how much there is."""
    stage = a_stage("2.0", lifetime=30 * DAY)

    assert limit_notice(stage, 30 * DAY) == (
        "The server keeps a stage for at most 30d after it was opened: this one expires on "
        "2026-12-22 12:00 UTC."
    )
    assert limit_notice(stage, 31 * DAY) is None


RETENTION = timedelta(days=30)
PUBLISHED = replace(
    a_stage("2.0", an_artifact()), status=Status.PUBLISHED, ended_at=NOON, expires_at=NOON + DAY
)


@pytest.mark.parametrize(
    ("stage", "now", "change"),
    [
        pytest.param(replace(a_stage(), expires_at=NOON + DAY), NOON, NOON + DAY, id="open"),
        pytest.param(
            replace(a_stage(), status=Status.PROCESSING, expires_at=NOON + DAY),
            NOON,
            None,
            id="being published",
        ),
        pytest.param(PUBLISHED, NOON, NOON + LAG, id="published"),
        pytest.param(PUBLISHED, NOON + LAG, NOON + RETENTION, id="published long ago"),
        pytest.param(PUBLISHED, NOON + RETENTION, None, id="forgotten"),
    ],
)
def test_next_change(stage: Stage, now: datetime, change: datetime | None) -> None:
    """A preview changes by time alone when its stage expires, and when it adds nothing any more."""
    assert next_change(stage, now, RETENTION) == change


def test_nothing_changes_before() -> None:
    """Until its next change, a preview shows the stage as it is now."""
    now = NOON
    while change := next_change(PUBLISHED, now, RETENTION):
        before = change - timedelta(microseconds=1)
        assert as_previewed(PUBLISHED, before) == as_previewed(PUBLISHED, now)
        now = change
