"""What a sweep does with each stage, at each time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stageproxy.core.care.sweep import SweepPlan, UnneededFile, plan_sweep
from stageproxy.core.stage.stage import Stage, Status
from tests.support.builders.stages import a_file_upload, a_stage
from tests.support.ports.clock import NOON

DAY = timedelta(days=1)
RETENTION = 30 * DAY
OPEN = a_stage(expires_at=NOON + DAY)
ENDED = replace(a_stage(status=Status.CANCELED), ended_at=NOON)
PUBLISHED = replace(a_stage(status=Status.PUBLISHED, sent=True), ended_at=NOON)
PROCESSING = replace(OPEN, status=Status.PROCESSING)
UNFINISHED = replace(OPEN, uploads=(a_file_upload(expires_at=NOON),))


@pytest.mark.parametrize(
    ("stage", "days", "expired", "forgotten", "uploads"),
    [
        (OPEN, 0.9, False, False, []),
        (OPEN, 1, True, False, []),
        (OPEN, 31, True, True, []),
        (PROCESSING, 99, False, False, []),
        (ENDED, 29, False, False, []),
        (ENDED, 30, False, True, []),
        (PUBLISHED, 30, False, True, []),
        (UNFINISHED, 0, False, False, ["demo-2.0-py3-none-any.whl"]),
        (UNFINISHED, 1, True, False, []),
    ],
)
def test_stage(
    stage: Stage, days: float, *, expired: bool, forgotten: bool, uploads: list[str]
) -> None:
    """A stage ends when it expires, and is forgotten after its retention time."""
    plan = plan_sweep([stage], NOON + days * DAY, RETENTION)

    assert [one.id for one in plan.expired] == [stage.id] * expired
    assert [one.id for one in plan.forgotten] == [stage.id] * forgotten
    assert plan.uploads == uploads


def test_size() -> None:
    """The size of a plan is that of all files that it deletes."""
    plan = SweepPlan(unused=[UnneededFile("a", 3)], orphans=[UnneededFile("b", 4)])

    assert (plan.size, [one.name for one in plan.files]) == (7, ["a", "b"])
