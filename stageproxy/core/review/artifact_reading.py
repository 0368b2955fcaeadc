"""An artifact read beside its counterpart for a review. This runs in a child process only."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import BinaryIO, TypeVar, cast

from stageproxy.core.review.contents.comparison import Reading, read_both
from stageproxy.core.review.contents.examination import Analyses
from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.compare import SummaryDelta, compare_summaries
from stageproxy.core.review.delta.delta import ArtifactDelta, ChangeKind, DiffLine, MemberDelta
from stageproxy.core.review.delta.text_diff import text_diff
from stageproxy.core.review.printable import printable
from stageproxy.core.review.strictness import strictness_findings
from stageproxy.core.review.supply_chain.code import capability_deltas
from stageproxy.core.review.supply_chain.findings import supply_chain_findings

MOST_LINES = 6000
"""How many lines the diffs of an artifact have together."""
LONGEST_TEXT = 2000
"""How many characters of a text are in a review."""

_NO_ROOM = f"The diffs of an artifact have at most {MOST_LINES:,} lines, so this one is left out."
_NOT_HELD = "The texts that differ are too long to be compared line by line."

T = TypeVar("T")


@dataclass(slots=True)
class _Diffs:
    """The diffs of the files that a delta lists, as long as there is room."""

    listed: Mapping[str, MemberDelta]
    room: int = MOST_LINES
    found: dict[str, tuple[tuple[DiffLine, ...], str]] = field(default_factory=dict)

    def see(self, path: str, before: bytes | None, after: bytes) -> None:
        """Compare a text that differs."""
        member = self.listed.get(printable(path))
        if member is None:
            return
        if before is None and member.kind is not ChangeKind.ADDED:
            self.found[member.path] = (), _NOT_HELD
            return
        lines, note = text_diff(before or b"", after) if self.room else ((), _NO_ROOM)
        fits = len(lines) <= self.room
        self.room -= len(lines) if fits else 0
        self.found[member.path] = (lines, note) if fits else ((), _NO_ROOM)


def read_artifact(
    after: tuple[BinaryIO, str], before: tuple[BinaryIO, str] | None, analyses: Analyses
) -> Iterator[ArtifactReview]:
    """Yield the review of an artifact, a file and its filename: first without its texts.

    The last one is complete.
    """
    reading = read_both(after, before)
    changes = compare_summaries(reading.before, reading.after)
    delta = ArtifactDelta(
        after[1],
        "" if before is None else before[1],
        size_before=0 if before is None else before[0].seek(0, io.SEEK_END),
        size_after=after[0].seek(0, io.SEEK_END),
        members=changes.members,
        omitted=changes.omitted,
        not_compared=changes.not_compared,
        count_before=changes.count_before,
        count_after=changes.count_after,
    )
    review = ArtifactReview(
        delta,
        changes.fields,
        changes.requirements,
        changes.names,
        findings=(*changes.findings, *strictness_findings(reading.after)),
    )
    yield shown(review)
    yield shown(_with_texts(review, reading, changes, analyses))


def _with_texts(
    review: ArtifactReview, reading: Reading, changes: SummaryDelta, analyses: Analyses
) -> ArtifactReview:
    has_counterpart = reading.before is not None and not changes.not_compared
    diffs = _Diffs({one.path: one for one in changes.members} if has_counterpart else {})
    reading.examine(analyses, diffs.see)
    members = tuple(_with_diff(one, diffs) for one in changes.members)
    return replace(
        review,
        delta=replace(review.delta, members=members),
        capabilities=capability_deltas(reading.before, reading.after),
        findings=(*review.findings, *supply_chain_findings(reading.before, reading.after)),
    )


def _with_diff(member: MemberDelta, diffs: _Diffs) -> MemberDelta:
    lines, note = diffs.found.get(member.path, ((), ""))
    return replace(member, diff=lines, not_shown=note)


def shown(value: T) -> T:
    """Return a value of a review with every text in it printable and of limited length."""
    return cast("T", _shown(value))


def _shown(value: object) -> object:
    if type(value) is str:
        is_short = len(value) <= LONGEST_TEXT and value.isprintable()
        return value if is_short else printable(value, LONGEST_TEXT)
    if isinstance(value, tuple):
        return tuple(map(_shown, value))
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: _shown(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **parts)
    return value
