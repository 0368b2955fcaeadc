"""Stages against their promotions and journals."""

from collections.abc import Callable, Iterator

from stageproxy.core.care.faults import Fault, error
from stageproxy.core.care.snapshot import Snapshot
from stageproxy.core.promotion.journal import Journal, Progress, anything_may_be_published
from stageproxy.core.promotion.promotion import Promotion
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import LIVE, NEXT, Stage, Status

_Check = Callable[[Stage, Promotion | None, Journal], Iterator[str]]
_ADVICE = "Restore a backup, or end the stage: cancel it, or `stageproxy promote STAGE --give-up`."


def find_stage_faults(snapshot: Snapshot) -> Iterator[Fault]:
    """Return the stages whose rows contradict one another."""
    for stage in snapshot.stages:
        subject = f"stage {stage.release} ({stage.id})"
        promotion, journal = snapshot.promotions.get(stage.id), snapshot.journal_of(stage)
        for sentence in _contradictions(stage, promotion, journal):
            yield error("stage-contradiction", subject, sentence, _ADVICE)
    known = {stage.id for stage in snapshot.stages}
    for stage_id in sorted({*snapshot.promotions, *snapshot.journals} - known):
        yield error(
            "promotion-without-stage",
            f"stage {stage_id}",
            "There is a promotion or a journal of a stage that does not exist.",
            "Restore a backup.",
        )


def _contradictions(stage: Stage, promotion: Promotion | None, journal: Journal) -> Iterator[str]:
    yield from _of_status(stage)
    yield from _CHECKS[stage.status](stage, promotion, journal)


def _of_status(stage: Stage) -> Iterator[str]:
    is_live = stage.status in LIVE
    if is_live and (stage.status, stage.sent) not in NEXT:
        yield f"Its status is {stage.status}, which it cannot have after something was sent."
    if is_live == (stage.ended_at is not None):
        yield f"Its status is {stage.status}, but it has {'an' if is_live else 'no'} end."
    if stage.version is None and stage.artifacts:
        yield "It has files, but no version."


def _of_open(_: Stage, promotion: Promotion | None, journal: Journal) -> Iterator[str]:
    if promotion is not None or journal:
        yield "It is open, but has the promotion of a stage that was published at least partly."


def _of_processing(stage: Stage, promotion: Promotion | None, journal: Journal) -> Iterator[str]:
    if promotion is None or promotion.ended_at is not None:
        yield "It is being published, but has no promotion that runs."
        return
    if promotion.approval.manifest_digest != manifest_digest(stage.artifacts):
        yield "It is being published with other files than those that were approved."
    yield from _names_that_differ(stage, journal)


def _of_error(stage: Stage, promotion: Promotion | None, journal: Journal) -> Iterator[str]:
    if promotion is None or promotion.ended_at is None:
        yield "Its promotion has failed, but has no end."
    if stage.sent != anything_may_be_published(journal):
        said = "something" if stage.sent else "nothing"
        yield f"It says that {said} of it was sent, and its journal says the opposite."
    unknown = sorted(set(journal) - {one.filename for one in stage.artifacts})
    if unknown:
        yield f"Its journal has files that it does not have: {', '.join(unknown)}."


def _of_published(stage: Stage, promotion: Promotion | None, journal: Journal) -> Iterator[str]:
    if promotion is None or promotion.ended_at is None:
        yield "It is published, but has no promotion that has ended."
    yield from _names_that_differ(stage, journal)
    unconfirmed = [name for name, one in journal.items() if one.progress is not Progress.CONFIRMED]
    if unconfirmed:
        yield f"It is published, but these files are not confirmed: {', '.join(unconfirmed)}."


def _of_canceled(_: Stage, __: Promotion | None, ___: Journal) -> Iterator[str]:
    return iter(())


def _names_that_differ(stage: Stage, journal: Journal) -> Iterator[str]:
    differing = {one.filename for one in stage.artifacts} ^ set(journal)
    if differing:
        yield f"Its journal and its files differ: {', '.join(sorted(differing))}."


_CHECKS: dict[Status, _Check] = {
    Status.OPEN: _of_open,
    Status.PROCESSING: _of_processing,
    Status.ERROR: _of_error,
    Status.PUBLISHED: _of_published,
    Status.CANCELED: _of_canceled,
}
