"""The review of a stage, from stored rows and the index's page as it is cached."""

from dataclasses import dataclass

from stageproxy.core.review.findings import gravest_first
from stageproxy.core.review.review import Review, ReviewProgress, ReviewState
from stageproxy.core.review.verdict import verdict_findings
from stageproxy.core.stage.manifest import manifest, manifest_digest
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import Clock
from stageproxy.services.findings import StageFindings


@dataclass(frozen=True, slots=True)
class Reviews:
    """Answers the reviews of stages. Nothing in the database changes."""

    findings: StageFindings
    clock: Clock

    async def of(self, stage: Stage) -> Review:
        """Return the review of the files that a stage has now, as far as it is known at once."""
        found = verdict_findings(await self.findings.of(stage))
        return Review(
            project=stage.project,
            version=stage.version or "",
            manifest_digest=manifest_digest(stage.artifacts),
            manifest=manifest(stage.artifacts),
            reviewed_at=self.clock.now(),
            progress=ReviewProgress(ReviewState.DONE),
            findings=gravest_first(found),
        )
