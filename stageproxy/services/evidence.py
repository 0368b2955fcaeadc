"""Evidence of stages: storing what was reported of a try, and listing it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditAction, Event
from stageproxy.core.errors import ConflictError, InvalidRequestError, Problem, TooManyError
from stageproxy.core.review.evidence import MOST_RESULTS, Evidence, cleaned
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import stage_event
from stageproxy.core.stage.manifest import manifest_digest
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import Clock
from stageproxy.services.access import require_still
from stageproxy.services.live_stages import get_live
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StageEvidence:
    """The evidence of a stage, the latest first, and the digest of the files that it has now."""

    manifest_digest: str
    evidence: Sequence[Evidence] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EvidenceReports:
    """Stores and lists evidence. It is no change of a stage, whose revision stays."""

    catalogue: Catalogue
    clock: Clock
    stages: Stages

    async def add(self, token: ApiToken, stage_id: str, reported: Evidence) -> Evidence:
        """Store what *token* reports of the files that a stage has now."""
        await self.stages.get(token, stage_id, Action.TRY)

        def work(rows: Rows) -> Evidence:
            now = self.clock.now()
            stage = get_live(rows, stage_id, now)
            require_still(rows, token, Action.TRY, stage.project, stage.version, now)
            evidence = replace(cleaned(reported), at=now, by=token.id)
            _check(stage, evidence)
            _make_room(rows, stage, evidence.manifest_digest)
            rows.evidence.add(stage.id, evidence)
            rows.audit.add(_event(stage, evidence))
            return evidence

        evidence = await self.catalogue.write(work)
        log.info("stage %s: evidence %s by token %s", stage_id, evidence.id, token.label)
        return evidence

    async def list(self, token: ApiToken, stage_id: str) -> StageEvidence:
        """Return the evidence of a stage, superseded one too."""
        stage = await self.stages.get(token, stage_id)
        found = await self.catalogue.read(lambda rows: rows.evidence.list(stage_id))
        return StageEvidence(manifest_digest(stage.artifacts), found)


def _event(stage: Stage, evidence: Evidence) -> Event:
    return stage_event(
        stage,
        AuditAction.TRIED,
        evidence.by,
        evidence.at,
        evidence=evidence.id,
        passed=evidence.passed,
        python=evidence.python,
        platform=evidence.platform,
        filename=evidence.filename,
        manifest_digest=evidence.manifest_digest,
    )


def _check(stage: Stage, evidence: Evidence) -> None:
    """Raise unless evidence is about the files that a stage has now."""
    if evidence.manifest_digest != manifest_digest(stage.artifacts):
        raise ConflictError(
            "The files of the stage have changed since they were tried, so the result is not "
            "attached. Try the stage again."
        )
    if evidence.filename and stage.find_artifact(evidence.filename) is None:
        problem = Problem("filename", f"The stage has no file {evidence.filename}.")
        raise InvalidRequestError("The evidence is not about this stage.", [problem])


def _make_room(rows: Rows, stage: Stage, digest: str) -> None:
    """Remove the oldest superseded evidence, or raise: results of the present files all stay.

    Otherwise many results could drive out one that failed.
    """
    former = rows.evidence.list(stage.id)
    if sum(one.manifest_digest == digest for one in former) >= MOST_RESULTS:
        raise TooManyError(
            f"The stage has {MOST_RESULTS} results for the files that it has now, which is the "
            "limit. The result is not attached."
        )
    superseded = [one for one in former if one.manifest_digest != digest]
    for one in superseded[MOST_RESULTS - 1 :]:
        rows.evidence.remove(stage.id, one.id)
