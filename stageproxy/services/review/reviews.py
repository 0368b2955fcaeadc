"""The review of a stage: what is known at once, and the background work that completes it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stageproxy.caching import LruCache
from stageproxy.catalogue import Catalogue
from stageproxy.core.review.delta.candidates import candidate_deltas
from stageproxy.core.review.delta.delta import Delta
from stageproxy.core.review.derived import DerivedName, derived_name
from stageproxy.core.review.evidence import Evidence
from stageproxy.core.review.findings import ReviewFinding, gravest_first
from stageproxy.core.review.first_step import FirstStep, first_step
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.review.result import ReviewResult
from stageproxy.core.review.review import Review, ReviewProgress, ReviewState
from stageproxy.core.review.verdict import verdict_findings
from stageproxy.core.stage.manifest import manifest, manifest_digest
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import LIVE, Stage
from stageproxy.ports import Clock, DerivedResults
from stageproxy.services.findings import StageFindings
from stageproxy.services.review.jobs import ReviewJobs, Steps
from stageproxy.services.review.work import ReviewWork, Subject, subject_of

_MOST_KEPT = 50
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
    _first_steps: LruCache[tuple[object, ...], FirstStep] = field(
        default_factory=lambda: LruCache(_MOST_KEPT, lambda _: 1), repr=False
    )

    async def of(self, stage: Stage) -> Review:
        """Return the review of the files that a stage has now, as far as it is known."""
        state = await self.findings.reader.state(stage.project)
        subject = await asyncio.to_thread(subject_of, stage, state)
        async with asyncio.TaskGroup() as group:
            verdict = group.create_task(self.findings.of_state(stage, state))
            completed = group.create_task(self._completed(subject))
            earlier = group.create_task(self._earlier(stage))
        (deltas, evidence), (result, progress) = earlier.result(), completed.result()
        found = verdict_findings(verdict.result())
        first = await self._first_step(subject, state.page_digest, found)
        review = Review(
            project=stage.project,
            version=stage.version or "",
            manifest_digest=manifest_digest(stage.artifacts),
            manifest=manifest(stage.artifacts),
            reviewed_at=self.clock.now(),
            progress=progress,
            baseline=subject.baseline,
            impact=first.impact if first else None,
            completeness=first.completeness if first else None,
            findings=gravest_first(first.findings if first else found),
            deltas=deltas,
            evidence=evidence,
        )
        return review if result is None else _completed_by(review, result)

    async def _first_step(
        self, subject: Subject, page: str, verdict: tuple[ReviewFinding, ...]
    ) -> FirstStep | None:
        """Return what users would get, `None` if that is not known or past.

        *page* identifies the index's page.
        """
        stage, listing = subject.stage, subject.listing
        if stage.status not in LIVE or not stage.version or not stage.artifacts or not listing:
            return None
        key = (stage.id, stage.revision, page, verdict)
        known = self._first_steps.find(key)
        if known is None:
            expects = self.expects.get(stage.project, ())
            make = partial(first_step, targets=self.targets, expects=expects)
            known = await asyncio.to_thread(make, stage, listing, verdict)
            self._first_steps.add(key, known)
        return known

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
