"""The background work on one review: contents are compared, then what else takes time."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from stageproxy.core.audit import AuditRecord
from stageproxy.core.index.pages import ListedFile, Listing
from stageproxy.core.review.baseline import choose_baseline
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.candidates import candidate_deltas, earlier_candidates
from stageproxy.core.review.delta.delta import Against, Delta
from stageproxy.core.review.delta.deltas import merge_delta, merge_findings
from stageproxy.core.review.delta.findings import delta_findings
from stageproxy.core.review.delta.pairs import pair_artifacts
from stageproxy.core.review.delta.since import review_since
from stageproxy.core.review.delta.uneven import uneven_findings
from stageproxy.core.review.derived import DerivedName, derived_name
from stageproxy.core.review.findings import ReviewFinding, is_unfinished
from stageproxy.core.review.resolving.findings import resolution_findings
from stageproxy.core.review.resolving.pythons import pythons_for
from stageproxy.core.review.resolving.resolution import Resolution
from stageproxy.core.review.result import ParityResult, ReviewResult
from stageproxy.core.review.review import Baseline
from stageproxy.core.review.supply_chain.newcomers import new_dependencies, newcomer_findings
from stageproxy.core.review.supply_chain.provenance import provenance_findings
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage
from stageproxy.ports import ArtifactFiles, Clock, DerivedResults, ReviewedFile, ReviewInspector
from stageproxy.services.review.counterparts import Budget, Counterparts, NotComparedError
from stageproxy.services.review.jobs import Steps
from stageproxy.services.review.resolver import Knowledge, ReleaseResolver
from stageproxy.services.upstream_state import UpstreamState

_AT_ONCE = 2
"""How many pairs of one review are on their way at the same time: one is read, one arrives."""
_PURE = "-none-any.whl"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reviewed: a stage as it is, beside the index as it is.

    `listing` is `None` while the index does not answer.
    """

    stage: Stage
    listing: Listing | None
    page_url: str
    baseline: Baseline | None

    @property
    def counterparts(self) -> Sequence[ListedFile]:
        """The files of the baseline."""
        if self.baseline is None or self.listing is None:
            return ()
        return [self.listing.files[one] for one in self.baseline.files]

    @property
    def baseline_digest(self) -> str:
        """What identifies the files of the baseline."""
        lines = [f"{one.filename} {one.sha256}" for one in self.counterparts]
        return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()


def subject_of(stage: Stage, state: UpstreamState) -> Subject:
    """Return what is reviewed of a stage while the index is in a state."""
    listing, version = state.listing, stage.version
    baseline = choose_baseline(version, listing) if listing and version else None
    return Subject(stage, listing, state.page_url, baseline)


@dataclass(frozen=True, slots=True)
class ReviewWork:
    """Compares the artifacts of a stage with those of the baseline, each pair once."""

    files: ArtifactFiles
    derived: DerivedResults
    inspector: ReviewInspector
    counterparts: Counterparts
    resolver: ReleaseResolver
    clock: Clock
    max_download: int

    async def carry_out(
        self, subject: Subject, steps: Steps, records: Sequence[AuditRecord]
    ) -> ReviewResult:
        """Return what the comparison finds. What cannot be compared is said and is no failure.

        *records*: those of the stage in the audit trail.
        """
        pairs = _pairs_of(subject)
        pure = _pure_wheels(subject.stage)
        pythons = pythons_for(subject.stage.artifacts)
        steps.total = len(pairs) + len(pure) + len(pythons)
        reviews = await self._compared(subject, pairs, steps)
        parities = [await self._parity(subject, one, steps) for one in pure]
        known = self.resolver.knowledge()
        resolutions = await self._resolutions(subject.stage, pythons, steps, known)
        deltas = await asyncio.to_thread(_deltas, subject, reviews)
        uneven = await asyncio.to_thread(uneven_findings, reviews)
        newcomers = await self.resolver.pages_of(new_dependencies(deltas), known)
        found = [
            *(one for review in reviews for one in review.findings),
            *(one for parity in parities for one in parity),
            *(one for delta in deltas for one in delta_findings(delta)),
            *uneven,
            *resolution_findings(resolutions, subject.stage.release),
            *newcomer_findings(newcomers, self.clock.now()),
            *_on_provenance(subject),
        ]
        return ReviewResult(
            reviewed_at=self.clock.now(),
            baseline=subject.baseline,
            baseline_digest=subject.baseline_digest,
            deltas=(*deltas, *await self._since_last_candidate(subject, pairs, reviews, records)),
            findings=merge_findings(found),
            resolutions=resolutions,
        )

    async def _compared(
        self, subject: Subject, pairs: Sequence["_Pair"], steps: Steps
    ) -> Sequence[ArtifactReview]:
        budget, places = Budget(self.max_download), asyncio.Semaphore(_AT_ONCE)

        async def compare(pair: _Pair) -> ArtifactReview:
            async with places:
                with steps.step(pair.sentence):
                    return await self._compare(subject, pair, budget)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(compare(one)) for one in pairs]
        return [one.result() for one in tasks]

    async def _compare(self, subject: Subject, pair: "_Pair", budget: Budget) -> ArtifactReview:
        """Return the review of a pair, as it is stored if it was made before."""
        known = await self.derived.find(pair.name, ArtifactReview)
        if known is not None:
            return known
        try:
            review = await self._read(subject, pair, budget)
        except NotComparedError as error:
            alone = await self._ask(subject, pair.after, None)
            return _not_compared(pair, alone, str(error))
        if pair.is_certain and not is_unfinished(review.findings):
            await self.derived.add(pair.name, review)
        return review

    async def _read(self, subject: Subject, pair: "_Pair", budget: Budget) -> ArtifactReview:
        if pair.before is None:
            return await self._ask(subject, pair.after, None)
        fetched = self.counterparts.fetched(pair.before, subject.page_url, budget)
        async with fetched as before:
            return await self._ask(subject, pair.after, before)

    async def _ask(
        self, subject: Subject, after: Artifact, before: ReviewedFile | None
    ) -> ArtifactReview:
        # A turn for each artifact: one is read on each core if nobody else asks.
        asker = f"{subject.stage.project} {after.filename}"
        async with self._staged(after) as staged:
            return await self.inspector.review(staged, before, asker)

    async def _since_last_candidate(
        self,
        subject: Subject,
        pairs: Sequence["_Pair"],
        reviews: Sequence[ArtifactReview],
        records: Sequence[AuditRecord],
    ) -> tuple[Delta, ...]:
        """Return what has changed since the last candidate, if its files were reviewed as well."""
        stage = subject.stage
        earlier = earlier_candidates(stage.artifacts, records)[:1]
        known: dict[tuple[str, str], ArtifactReview] = {}
        for pair, review in zip(pairs, reviews, strict=True):
            then = earlier[0].files.get(pair.after.filename) if earlier else None
            if then is None or then.sha256 == pair.after.sha256:
                continue
            former = await self.derived.find(pair.name_for(then.sha256), ArtifactReview)
            since = review_since(former, review) if former else None
            known |= {(then.sha256, pair.after.sha256): since} if since else {}
        if not known:
            return ()
        return candidate_deltas(stage.version or "", stage.artifacts, records, known)[:1]

    async def _parity(
        self, subject: Subject, pair: tuple[Artifact, Artifact], steps: Steps
    ) -> Sequence[ReviewFinding]:
        wheel, sdist = pair
        name = derived_name(wheel.sha256, wheel.filename, "parity", sdist.sha256)
        with steps.step(f"Comparing {wheel.filename} with the sdist."):
            known = await self.derived.find(name, ParityResult)
            if known is None:
                async with self._staged(wheel) as one, self._staged(sdist) as other:
                    found = await self.inspector.parity(one, other, subject.stage.project)
                known = ParityResult(tuple(found))
                if not is_unfinished(found):
                    await self.derived.add(name, known)
        return known.findings

    async def _resolutions(
        self, stage: Stage, pythons: Sequence[str], steps: Steps, known: Knowledge
    ) -> tuple[Resolution, ...]:
        found = []
        for python in pythons:
            with steps.step(f"Resolving {stage.release} with Python {python}."):
                found.append(await self.resolver.resolve(stage, python, known))
        return tuple(found)

    @asynccontextmanager
    async def _staged(self, artifact: Artifact) -> AsyncIterator[ReviewedFile]:
        async with self.files.on_disk(artifact.sha256) as path:
            yield ReviewedFile(path, artifact.filename)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A staged artifact and its published counterpart, if there is one."""

    after: Artifact
    before: ListedFile | None

    @property
    def name(self) -> DerivedName:
        """The name of its review."""
        return self.name_for(self.after.sha256)

    def name_for(self, sha256: str) -> DerivedName:
        """Return the name of the review of other bytes of this file beside the counterpart."""
        inputs = (self.before.filename, self.before.sha256 or "") if self.before else ()
        return derived_name(sha256, self.after.filename, *inputs)

    @property
    def sentence(self) -> str:
        """What is done with it."""
        if self.before is None:
            return f"Reading {self.after.filename}, which has no counterpart."
        return f"Comparing {self.after.filename} with {self.before.filename}."

    @property
    def is_certain(self) -> bool:
        """Whether the hash of the counterpart is known, so that the result can be stored."""
        return self.before is None or self.before.sha256 is not None


def _pairs_of(subject: Subject) -> Sequence[_Pair]:
    artifacts = {one.filename: one for one in in_promotion_order(subject.stage.artifacts)}
    published = {one.filename: one for one in subject.counterparts}
    pairs = pair_artifacts([*artifacts], [*published])
    return [
        _Pair(artifacts[after], published[before] if before else None)
        for after, before in pairs
        if after
    ]


def _pure_wheels(stage: Stage) -> Sequence[tuple[Artifact, Artifact]]:
    """Return the pure wheels of a stage, each with the sdist."""
    sdists = [one for one in stage.artifacts if one.kind is ArtifactKind.SDIST]
    pure = (one for one in stage.artifacts if one.filename.endswith(_PURE))
    return [(wheel, sdist) for wheel in pure for sdist in sdists[:1]]


def _deltas(subject: Subject, reviews: Sequence[ArtifactReview]) -> tuple[Delta, ...]:
    baseline = subject.baseline
    if baseline is None:
        return ()
    used = {one.delta.before for one in reviews}
    removed = {
        one.filename: one.size or 0 for one in subject.counterparts if one.filename not in used
    }
    label = f"{subject.stage.project} {baseline.version}"
    delta = Delta(Against.RELEASE, baseline.version, label, baseline.channel)
    return (merge_delta(delta, reviews, removed),)


def _on_provenance(subject: Subject) -> Iterable[ReviewFinding]:
    stage, baseline = subject.stage, subject.baseline
    if baseline is None:
        return ()
    label = f"{stage.project} {baseline.version}"
    return provenance_findings(stage.artifacts, subject.counterparts, label)


def _not_compared(pair: _Pair, alone: ArtifactReview, why: str) -> ArtifactReview:
    """Return the review of an artifact alone: what it has may be as it was before."""
    before = pair.before.filename if pair.before else ""
    delta = replace(alone.delta, before=before, members=(), not_compared=why)
    return ArtifactReview(delta, findings=alone.findings)
