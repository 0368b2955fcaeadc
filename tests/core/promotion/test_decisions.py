"""What can be decided about a stage, by the rights of a token and the state of the stage."""

from dataclasses import replace

import pytest

from stageproxy.core.promotion.decisions import Decision, possible_decisions, removable_files
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.stage.stage import Stage, Status
from tests.store.builders import DAY, NOW, a_stage, an_api_token, an_artifact

MANAGE = an_api_token(kind=TokenKind.MANAGE)
WHEEL = an_artifact()
FILENAME = WHEEL.filename
LONGEST = 30 * DAY


def stage_in(status: Status, *, sent: bool = False, files: int = 1) -> Stage:
    """Return a stage with a status, and with a file or without."""
    stage = a_stage("s1", status=status)
    return replace(stage, sent=sent, artifacts=(WHEEL,) * files)


OPEN = stage_in(Status.OPEN)
RUNNING = stage_in(Status.PROCESSING)
STOPPED = stage_in(Status.ERROR)
HALF_PUBLISHED = stage_in(Status.ERROR, sent=True)
PUBLISHED = stage_in(Status.PUBLISHED, sent=True)
ENDED = stage_in(Status.CANCELED, files=0)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        pytest.param(OPEN, "publish extend rotate cancel", id="open"),
        pytest.param(stage_in(Status.OPEN, files=0), "extend rotate cancel", id="empty"),
        pytest.param(
            replace(OPEN, expires_at=NOW + LONGEST), "publish rotate cancel", id="at the limit"
        ),
        pytest.param(RUNNING, "stop rotate", id="being published"),
        pytest.param(STOPPED, "publish extend rotate cancel", id="stopped"),
        pytest.param(HALF_PUBLISHED, "publish give-up rotate", id="partially published"),
        pytest.param(PUBLISHED, "rotate", id="published"),
        pytest.param(ENDED, "", id="ended"),
    ],
)
def test_by_state(stage: Stage, expected: str) -> None:
    """Only what would work, and would do anything, is offered."""
    assert " ".join(possible_decisions(MANAGE, stage, longest=LONGEST)) == expected


@pytest.mark.parametrize(
    "token",
    [
        an_api_token(kind=TokenKind.UPLOAD),
        an_api_token(kind=TokenKind.MANAGE, project="other"),
        an_api_token(kind=TokenKind.MANAGE, version="9.9"),
    ],
    ids=["upload", "other project", "other version"],
)
@pytest.mark.parametrize("stage", [OPEN, RUNNING, STOPPED, HALF_PUBLISHED, PUBLISHED])
def test_by_rights(token: ApiToken, stage: Stage) -> None:
    """A token that may not decide is offered nothing, whatever the state."""
    assert possible_decisions(token, stage, longest=LONGEST) == ()


def test_every_decision_is_offered_somewhere() -> None:
    """There is a state for each decision."""
    stages = (OPEN, RUNNING, HALF_PUBLISHED)

    offered = {one for it in stages for one in possible_decisions(MANAGE, it, longest=LONGEST)}

    assert offered == set(Decision)


@pytest.mark.parametrize(
    ("stage", "progress", "is_removable"),
    [
        pytest.param(OPEN, None, True, id="open"),
        pytest.param(RUNNING, Progress.PENDING, False, id="being published"),
        pytest.param(HALF_PUBLISHED, Progress.PENDING, True, id="not sent yet"),
        pytest.param(HALF_PUBLISHED, Progress.CONFIRMED, False, id="published"),
        pytest.param(HALF_PUBLISHED, Progress.UNKNOWN, False, id="may be published"),
        pytest.param(PUBLISHED, Progress.CONFIRMED, False, id="all published"),
    ],
)
def test_removable_files(
    stage: Stage,
    progress: Progress | None,
    is_removable: bool,  # noqa: FBT001 - a column
) -> None:
    """A file that may be public cannot be removed, and none while the stage is published."""
    journal = {FILENAME: Entry(FILENAME, progress, NOW)} if progress else {}
    uploader = an_api_token(kind=TokenKind.UPLOAD)

    assert (removable_files(uploader, stage, journal) == {FILENAME}) is is_removable
    assert removable_files(an_api_token(project="other"), stage, journal) == frozenset()
