"""What an artifact changes beside its counterpart, from the summaries of both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stageproxy.core.review.delta.delta import FieldDelta, MemberDelta, NameDelta, RequirementDelta
from stageproxy.core.review.delta.members import compare_members, members_of
from stageproxy.core.review.delta.metadata_fields import (
    compare_fields,
    value_of,
    values_of,
)
from stageproxy.core.review.delta.names import compare_names
from stageproxy.core.review.delta.requirements import (
    MOST_REQUIREMENTS,
    compare_requirements,
    compare_requires_python,
)
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.summary import ArchiveSummary
from stageproxy.core.rules.findings import Level

MOST_CHANGES = 500
"""How many differences of each kind are listed for an artifact."""

_REQUIRES = "Requires-Dist"
_PYTHON = "Requires-Python"


@dataclass(frozen=True, slots=True)
class SummaryDelta:
    """How two summaries differ.

    `count_before` and `count_after` are the numbers of files in the artifacts, and `omitted` that
    of files that differ and are not listed. `not_compared` is why nothing is known of the
    files. `findings` are what else is missing from the lists.
    """

    fields: tuple[FieldDelta, ...] = ()
    requirements: tuple[RequirementDelta, ...] = ()
    names: tuple[NameDelta, ...] = ()
    members: tuple[MemberDelta, ...] = ()
    omitted: int = 0
    count_before: int = 0
    count_after: int = 0
    not_compared: str = ""
    findings: tuple[ReviewFinding, ...] = ()


def compare_summaries(before: ArchiveSummary | None, after: ArchiveSummary) -> SummaryDelta:
    """Return what an artifact changes; nothing if there is none to compare it with.

    If one of them was not read to its end, files are missing from its summary, and none are
    compared: they would look removed or new.
    """
    if before is None:
        return SummaryDelta(count_after=len(after.members), not_compared=after.not_read)
    fields, requirements = _metadata_changes(before, after)
    changes = SummaryDelta(
        tuple(fields[:MOST_CHANGES]),
        tuple(requirements[:MOST_CHANGES]),
        not_compared=_why_not_compared(before, after),
    )
    then, now = members_of(before), members_of(after)
    names = [] if changes.not_compared else compare_names(before, then, after, now)
    members = [] if changes.not_compared else compare_members(then, now)
    return replace(
        changes,
        names=tuple(names[:MOST_CHANGES]),
        members=tuple(members[:MOST_CHANGES]),
        omitted=max(0, len(members) - MOST_CHANGES),
        count_before=len(then),
        count_after=len(now),
        findings=tuple(_left_out(before, after, (fields, requirements, names))),
    )


def _metadata_changes(
    before: ArchiveSummary, after: ArchiveSummary
) -> tuple[list[FieldDelta], list[RequirementDelta]]:
    if not before.metadata or not after.metadata:
        return [], []
    return compare_fields(before, after), [
        *compare_requires_python(value_of(before, _PYTHON), value_of(after, _PYTHON)),
        *compare_requirements(values_of(before, _REQUIRES), values_of(after, _REQUIRES)),
    ]


def _why_not_compared(before: ArchiveSummary, after: ArchiveSummary) -> str:
    partly_read = [one for one in (after, before) if one.not_read]
    return " ".join(f"{one.filename} was not read: {one.not_read}" for one in partly_read)


def _left_out(
    before: ArchiveSummary, after: ArchiveSummary, lists: Sequence[Sequence[object]]
) -> Iterator[ReviewFinding]:
    """Yield what is missing from the lists of differences."""
    labels = "fields", "requirements", "names"
    for label, found in zip(labels, lists, strict=True):
        if len(found) > MOST_CHANGES:
            yield _unknown(
                f"{len(found):,} {label} differ; the first {MOST_CHANGES} are listed.", after
            )
    if max(len(values_of(one, _REQUIRES)) for one in (before, after)) > MOST_REQUIREMENTS:
        yield _unknown(f"Only the first {MOST_REQUIREMENTS:,} requirements are compared.", after)


def _unknown(message: str, summary: ArchiveSummary) -> ReviewFinding:
    return ReviewFinding(
        Section.DELTA, Level.UNKNOWN, "not-all-compared", message, files=(summary.filename,)
    )
