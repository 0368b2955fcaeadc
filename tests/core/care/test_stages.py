"""Stages whose rows contradict one another, and all that do not."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from stageproxy.core.care.snapshot import Snapshot
from stageproxy.core.care.stages import find_stage_faults
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Stage, Status
from tests.support.builders.stages import a_stage, an_artifact
from tests.support.ports.clock import NOON
from tests.support.promotion.promotions import a_promotion

WHEEL = an_artifact()
RUNNING = a_promotion()
APPROVED = replace(
    RUNNING, approval=replace(RUNNING.approval, manifest_digest=manifest_digest([WHEEL]))
)
OVER = replace(APPROVED, ended_at=NOON)


def a_journal(progress: Progress, name: str = WHEEL.filename) -> Journal:
    """Return the journal of one file."""
    return {name: Entry(name, progress, NOON)}


def a_staged_release(status: Status, *, sent: bool = False, ended: bool = False) -> Stage:
    """Return a stage of one wheel."""
    stage = a_stage("2.0", WHEEL, status=status, sent=sent)
    return replace(stage, ended_at=NOON if ended else None)


def faults_of(stage: Stage, promotion: Promotion | None, journal: Journal) -> list[str]:
    """Return the sentences on a stage."""
    promotions: Mapping[str, Promotion] = {stage.id: promotion} if promotion else {}
    snapshot = Snapshot([stage], promotions=promotions, journals={stage.id: journal})
    return [fault.sentence for fault in find_stage_faults(snapshot)]


OPEN = a_staged_release(Status.OPEN)
PROCESSING = a_staged_release(Status.PROCESSING)
UNSENT = a_staged_release(Status.ERROR)
SENT = a_staged_release(Status.ERROR, sent=True)
PUBLISHED = a_staged_release(Status.PUBLISHED, sent=True, ended=True)
CANCELED = a_staged_release(Status.CANCELED, ended=True)
CONFIRMED, PENDING = a_journal(Progress.CONFIRMED), a_journal(Progress.PENDING)


@pytest.mark.parametrize(
    ("stage", "promotion", "journal"),
    [
        (OPEN, None, {}),
        (a_stage(None), None, {}),
        (PROCESSING, APPROVED, PENDING),
        (PROCESSING, APPROVED, a_journal(Progress.SENDING)),
        (UNSENT, OVER, {}),
        (UNSENT, OVER, PENDING),
        (SENT, OVER, CONFIRMED),
        (PUBLISHED, OVER, CONFIRMED),
        (CANCELED, None, {}),
        (CANCELED, OVER, CONFIRMED),
    ],
)
def test_possible(stage: Stage, promotion: Promotion | None, journal: Journal) -> None:
    """What a server writes is no fault."""
    assert faults_of(stage, promotion, journal) == []


@pytest.mark.parametrize(
    ("stage", "promotion", "journal", "sentence"),
    [
        (replace(OPEN, sent=True), None, {}, "which it cannot have after something was sent."),
        (replace(OPEN, ended_at=NOON), None, {}, "Its status is open, but it has an end."),
        (replace(OPEN, version=None), None, {}, "It has files, but no version."),
        (OPEN, OVER, {}, "It is open, but has the promotion of a stage"),
        (OPEN, None, PENDING, "It is open, but has the promotion of a stage"),
        (PROCESSING, None, PENDING, "It is being published, but has no promotion that runs."),
        (PROCESSING, OVER, PENDING, "It is being published, but has no promotion that runs."),
        (PROCESSING, RUNNING, PENDING, "with other files than those that were approved."),
        (PROCESSING, APPROVED, {}, f"Its journal and its files differ: {WHEEL.filename}."),
        (UNSENT, APPROVED, {}, "Its promotion has failed, but has no end."),
        (UNSENT, OVER, CONFIRMED, "It says that nothing of it was sent"),
        (SENT, OVER, PENDING, "It says that something of it was sent"),
        (
            UNSENT,
            OVER,
            a_journal(Progress.PENDING, "x.whl"),
            "Its journal has files that it does not have: x.whl.",
        ),
        (PUBLISHED, None, CONFIRMED, "It is published, but has no promotion that has ended."),
        (PUBLISHED, OVER, a_journal(Progress.SENT), f"not confirmed: {WHEEL.filename}."),
        (PUBLISHED, OVER, {}, f"Its journal and its files differ: {WHEEL.filename}."),
        (replace(PUBLISHED, ended_at=None), OVER, CONFIRMED, "but it has no end."),
    ],
)
def test_impossible(
    stage: Stage, promotion: Promotion | None, journal: Journal, sentence: str
) -> None:
    """What no server writes is a fault, with a sentence on what contradicts what."""
    (said,) = faults_of(stage, promotion, journal)

    assert sentence in said


def test_promotion_without_a_stage() -> None:
    """A promotion and a journal of a stage that does not exist are one fault."""
    snapshot = Snapshot(promotions={"s1": OVER}, journals={"s1": CONFIRMED})

    assert [one.kind for one in find_stage_faults(snapshot)] == ["promotion-without-stage"]
