"""The review of a stage: what is known at once, and the background work that completes it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stageproxy.caching import LruCache
from stageproxy.catalogue import Catalogue
from stageproxy.core.review.candidates import candidate_deltas
from stageproxy.core.review.delta import Delta
from stageproxy.core.review.derived import DerivedName, derived_name
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.review.findings import gravest_first
from stageproxy.core.review.outlook import Outlook, outlook_of
from stageproxy.core.review.result import ReviewResult
from stageproxy.core.review.review import Review, ReviewProgress, ReviewState
from stageproxy.core.review.targets import Target
from stageproxy.core.review.verdict import verdict_findings
from stageproxy.core.stage.manifest import manifest, manifest_digest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import LIVE, Stage
from stageproxy.ports import Clock, DerivedResults
from stageproxy.services.findings import StageFindings
from stageproxy.services.review.jobs import ReviewJobs, Steps
from stageproxy.services.review.work import ReviewWork, Subject, subject_of
from stageproxy.services.upstream_state import UpstreamState

_MOST_OUTLOOKS = 50
_DONE = ReviewProgress(ReviewState.DONE, now="Everything was compared.")
_NOTHING = ReviewProgress(ReviewState.DONE, now="The stage has no files yet.")
_DISABLED = ReviewProgress(
    ReviewState.DONE, now="This server compares no contents (review.background is false)."
)


@dataclass(frozen=True, slots=True)
class Reviews:
    """Answers the reviews of stages. Nothing in the database changes.

    A request for a review starts the work that completes it, unless it is running or done.
    """

    catalogue: Catalogue
    findings: StageFindings
    derived: DerivedResults
    work: ReviewWork
    jobs: ReviewJobs
    clock: Clock
    targets: Sequence[Target]
    expects: Mapping[str, tuple[str, ...]]
    in_background: bool = True
    _outlooks: LruCache[tuple[object, ...], Outlook] = field(
        default_factory=lambda: LruCache(_MOST_OUTLOOKS, lambda _: 1), repr=False
    )

    async def of(self, stage: Stage) -> Review:
        """Return the review of the files that a stage has now, as far as it is known."""
        state = await self.findings.reader.state(stage.project)
        subject, outlook = await asyncio.to_thread(self._seen, stage, state)
        async with asyncio.TaskGroup() as group:
            verdict = group.create_task(self.findings.of_state(stage, state))
            completed = group.create_task(self._completed(subject))
            earlier = group.create_task(self._earlier(stage))
        (deltas, evidence), (result, progress) = earlier.result(), completed.result()
        found = outlook.beside(verdict_findings(verdict.result()))
        review = Review(
            project=stage.project,
            version=stage.version or "",
            manifest_digest=manifest_digest(stage.artifacts),
            manifest=manifest(stage.artifacts),
            reviewed_at=self.clock.now(),
            progress=progress,
            baseline=subject.baseline,
            impact=outlook.impact,
            completeness=outlook.completeness,
            findings=gravest_first(found),
            deltas=deltas,
            evidence=evidence,
        )
        return review if result is None else _completed_by(review, result)

    def _seen(self, stage: Stage, state: UpstreamState) -> tuple[Subject, Outlook]:
        """Return what is reviewed, and what users would get: on a thread, as pages can be long."""
        subject = subject_of(stage, state)
        if stage.status not in LIVE:
            return subject, Outlook()
        key = (stage.id, stage.revision, state.page_digest, state.listing is None)
        known = self._outlooks.find(key)
        if known is None:
            expects = stage.expects or self.expects.get(stage.project, ())
            baseline = subject.baseline
            known = outlook_of(stage, state.listing, baseline, self.targets, expects)
            self._outlooks.add(key, known)
        return subject, known

    async def _earlier(self, stage: Stage) -> tuple[tuple[Delta, ...], tuple[Evidence, ...]]:
        """Return what has changed since earlier candidates of a stage, and the tries of it."""
        records, evidence = await self.catalogue.read(
            lambda rows: (rows.audit.list(stage.id), rows.evidence.list(stage.id))
        )
        deltas = candidate_deltas(stage.version or "", stage.artifacts, records)
        return deltas, tuple(evidence)

    async def _completed(self, subject: Subject) -> tuple[ReviewResult | None, ReviewProgress]:
        """Return what the background work has found, and how far it is."""
        stage = subject.stage
        if not stage.artifacts:
            return None, _NOTHING
        name = result_name(stage)
        result = await self.derived.find(name, ReviewResult)
        if stage.status not in LIVE or self._is_current(result, subject):
            return result, _DONE
        if not self.in_background:
            return result, _DISABLED
        work = partial(self._carry_out, subject, name)
        return None, self.jobs.ensure(stage.id, f"{name.key} {subject.baseline_digest}", work)

    def _is_current(self, result: ReviewResult | None, subject: Subject) -> bool:
        """Return whether a result holds; without an answer of the index, nothing contradicts it."""
        if result is None:
            return False
        known = subject.baseline_digest if subject.listing else result.baseline_digest
        return result.is_current(known, self.clock.now())

    async def _carry_out(self, subject: Subject, name: DerivedName, steps: Steps) -> bool:
        """Do the work and store its result. Return false if another process is doing it."""
        with self.derived.claimed(name) as is_ours:
            if is_ours:
                records = await self.catalogue.read(lambda rows: rows.audit.list(subject.stage.id))
                result = await self.work.carry_out(subject, steps, records)
                await self.derived.add(name, result)
        return is_ours


def _completed_by(review: Review, result: ReviewResult) -> Review:
    """Return a review with what the background work has found."""
    return replace(
        review,
        reviewed_at=result.reviewed_at,
        baseline=review.baseline or result.baseline,
        findings=gravest_first((*review.findings, *result.findings)),
        deltas=_with_contents(result.deltas, review.deltas),
        resolutions=result.resolutions,
    )


def _with_contents(compared: Sequence[Delta], by_hash: Sequence[Delta]) -> tuple[Delta, ...]:
    """Return the deltas whose contents were compared, and the others as they are known by hash."""
    labels = {one.label for one in compared}
    return (*compared, *(one for one in by_hash if one.label not in labels))


def result_name(stage: Stage) -> DerivedName:
    """Return the name of the result for the files that a stage has now."""
    first = in_promotion_order(stage.artifacts)[0]
    return derived_name(first.sha256, "review", manifest_digest(stage.artifacts))
