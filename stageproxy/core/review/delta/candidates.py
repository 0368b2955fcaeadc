"""The earlier candidates of a stage, from its audit trail, and what has changed since each.

A candidate is what a stage holds when a file of it is replaced or withdrawn. All files that are
replaced one after the other, each once, belong to the same change: CI uploads a new build of each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from stageproxy.core.audit import AuditAction, AuditRecord, Event
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import Against, ArtifactDelta, Delta
from stageproxy.core.review.delta.deltas import merge_delta
from stageproxy.core.stage.stage import Artifact

MOST_CANDIDATES = 10
"""How many earlier candidates a stage is compared with: the last ones."""

_ARRIVALS = frozenset({AuditAction.UPLOADED, AuditAction.REPLACED})
_NOT_STORED = "The file that was replaced is not stored any more; only its hash and size are known."


@dataclass(frozen=True, slots=True)
class StagedBytes:
    """The bytes of a file of a candidate, by their hash, and their number."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """The files that a stage held, by filename, until one of them was replaced or withdrawn.

    `at` is when the last of them arrived.
    """

    number: int
    at: datetime
    files: Mapping[str, StagedBytes]

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"candidate {self.number} of {self.at:%Y-%m-%d %H:%M} UTC"


def candidate_deltas(
    version: str,
    artifacts: Sequence[Artifact],
    records: Iterable[AuditRecord],
    reviews: Mapping[tuple[str, str], ArtifactReview] | None = None,
) -> tuple[Delta, ...]:
    """Return what has changed since each earlier candidate of a stage, the latest first.

    *records*: those of the stage. *reviews*: those of files beside the ones that they replaced,
    by the SHA-256 of the earlier file and of the present one.
    """
    present = _bytes_of(artifacts)
    earlier = earlier_candidates(artifacts, records)[:MOST_CANDIDATES]
    return tuple(_delta(version, one, present, reviews or {}) for one in earlier)


def earlier_candidates(
    artifacts: Sequence[Artifact], records: Iterable[AuditRecord]
) -> list[Candidate]:
    """Return the candidates before the present one, the latest first."""
    present = _bytes_of(artifacts)
    found = [one for one in candidates_in(records) if one.files and one.files != present]
    return found[::-1]


def _bytes_of(artifacts: Sequence[Artifact]) -> dict[str, StagedBytes]:
    return {one.filename: StagedBytes(one.sha256, one.size) for one in artifacts}


def candidates_in(records: Iterable[AuditRecord]) -> list[Candidate]:
    """Return the candidates of a stage, the first one first, with what it holds now at the end."""
    walk = _Walk()
    for record in records:
        walk.follow(record.event)
    return [*walk.candidates, *walk.present()]


@dataclass(slots=True)
class _Walk:
    """A walk through an audit trail. *arrived* are the files that the change has brought so far."""

    candidates: list[Candidate] = field(default_factory=list)
    files: dict[str, StagedBytes] = field(default_factory=dict)
    arrived: set[str] = field(default_factory=set)
    at: datetime | None = None

    def follow(self, event: Event) -> None:
        filename = event.details.get("filename")
        if not isinstance(filename, str):
            return
        if event.action in _ARRIVALS:
            self._add(filename, _bytes_in(event), event.at)
        elif event.action == AuditAction.WITHDRAWN and filename in self.files:
            self._begin_change_of(filename)
            del self.files[filename]
            self.at = event.at

    def _add(self, filename: str, staged: StagedBytes, at: datetime) -> None:
        if self.files.get(filename) == staged:
            return
        self._begin_change_of(filename)
        self.files[filename] = staged
        self.arrived.add(filename)
        self.at = at

    def _begin_change_of(self, filename: str) -> None:
        """End the candidate if the file belongs to it already."""
        if filename in self.arrived:
            self.candidates += self.present()
            self.arrived.clear()

    def present(self) -> list[Candidate]:
        """Return what is held now, as the next candidate; nothing if nothing ever was."""
        if self.at is None:
            return []
        return [Candidate(len(self.candidates) + 1, self.at, dict(self.files))]


def _bytes_in(event: Event) -> StagedBytes:
    size = event.details.get("size")
    return StagedBytes(str(event.details.get("sha256") or ""), size if isinstance(size, int) else 0)


def _delta(
    version: str,
    candidate: Candidate,
    present: Mapping[str, StagedBytes],
    reviews: Mapping[tuple[str, str], ArtifactReview],
) -> Delta:
    before = candidate.files
    changed = [
        _review(filename, before.get(filename), staged, reviews)
        for filename, staged in present.items()
        if before.get(filename) != staged
    ]
    withdrawn = {name: staged for name, staged in before.items() if name not in present}
    sizes = {name: staged.size for name, staged in withdrawn.items()}
    delta = merge_delta(Delta(Against.CANDIDATE, version, candidate.label), changed, sizes)
    return replace(delta, artifacts=tuple(_with_hash(one, withdrawn) for one in delta.artifacts))


def _with_hash(artifact: ArtifactDelta, withdrawn: Mapping[str, StagedBytes]) -> ArtifactDelta:
    """Return an artifact with its hash if it was withdrawn."""
    if artifact.filename or artifact.before not in withdrawn:
        return artifact
    return replace(artifact, sha256_before=withdrawn[artifact.before].sha256)


def _review(
    filename: str,
    then: StagedBytes | None,
    now: StagedBytes,
    reviews: Mapping[tuple[str, str], ArtifactReview],
) -> ArtifactReview:
    """Return the review of a file beside the one that it replaced, with hashes and sizes."""
    if then is None:
        return ArtifactReview(ArtifactDelta(filename, size_after=now.size, sha256_after=now.sha256))
    known = reviews.get((then.sha256, now.sha256))
    of_bytes = known or ArtifactReview(ArtifactDelta(filename, not_compared=_NOT_STORED))
    delta = replace(
        of_bytes.delta,
        filename=filename,
        before=filename,
        size_before=then.size,
        size_after=now.size,
        sha256_before=then.sha256,
        sha256_after=now.sha256,
    )
    return replace(of_bytes, delta=delta)
