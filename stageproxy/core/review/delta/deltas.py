"""What a stage changes as a whole, from the reviews of its artifacts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.delta import (
    ArtifactDelta,
    Delta,
    FieldDelta,
    MemberDelta,
    NameDelta,
    RequirementDelta,
)
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.stage.order import place_in_promotion

MOST_CHANGES = 2000
"""How many changes of each kind a delta lists."""
MOST_DIFF_LINES = 20_000
"""How many lines the diffs of a delta have together."""

_WHEEL = ".whl"
_SOURCES = "src/"
_NO_ROOM = f"The diffs of a review have at most {MOST_DIFF_LINES:,} lines, so this one is left out."

_Change = TypeVar("_Change", FieldDelta, RequirementDelta, NameDelta)


def merge_delta(
    delta: Delta, reviews: Iterable[ArtifactReview], removed: Mapping[str, int] | None = None
) -> Delta:
    """Return a delta with what all its artifacts change, each change once.

    *removed*: the sizes of published files that have no counterpart, by filename.
    """
    ordered = sorted(reviews, key=_place)
    gone = [ArtifactDelta("", name, size) for name, size in sorted((removed or {}).items())]
    artifacts = [*(one.delta for one in ordered), *gone]
    compared = _compared(ordered)
    fields = _merged([(_name(one), one.fields) for one in ordered], compared)
    requirements = _merged([(_name(one), one.requirements) for one in ordered], compared)
    names = _merged([(_name(one), one.names) for one in ordered], _wheels(compared))
    capabilities = tuple(dict.fromkeys(each for one in ordered for each in one.capabilities))
    lists: Sequence[Sequence[object]] = (fields, requirements, names, capabilities)
    return replace(
        delta,
        fields=fields[:MOST_CHANGES],
        requirements=requirements[:MOST_CHANGES],
        names=names[:MOST_CHANGES],
        capabilities=capabilities[:MOST_CHANGES],
        artifacts=tuple(_without_repetitions(artifacts)),
        size_before=sum({one.before: one.size_before for one in artifacts}.values()),
        size_after=sum(one.size_after for one in artifacts),
        omitted=sum(max(0, len(one) - MOST_CHANGES) for one in lists),
    )


def merge_findings(findings: Iterable[ReviewFinding]) -> tuple[ReviewFinding, ...]:
    """Return findings with those in one that differ only in the artifacts concerned.

    What strictness says of the metadata is the same finding wherever its line is: the metadata
    of a wheel is in METADATA, and that of the sdist in PKG-INFO.
    """
    first: dict[ReviewFinding, ReviewFinding] = {}
    files: dict[ReviewFinding, dict[str, None]] = {}
    for one in findings:
        key = replace(one, files=(), place="" if one.section is Section.STRICTNESS else one.place)
        first.setdefault(key, one)
        files.setdefault(key, {}).update(dict.fromkeys(one.files))
    return tuple(replace(one, files=tuple(files[key])) for key, one in first.items())


def _name(review: ArtifactReview) -> str:
    return review.delta.filename


def _place(review: ArtifactReview) -> tuple[bool, str]:
    return place_in_promotion(_name(review), is_sdist=not _name(review).endswith(_WHEEL))


def _compared(reviews: Sequence[ArtifactReview]) -> frozenset[str]:
    """Return the artifacts that have a counterpart."""
    return frozenset(_name(one) for one in reviews if one.delta.before)


def _wheels(filenames: frozenset[str]) -> frozenset[str]:
    """Return the wheels, since only they have every name; all files if there are none."""
    return frozenset(one for one in filenames if one.endswith(_WHEEL)) or filenames


def _merged(
    found: Iterable[tuple[str, tuple[_Change, ...]]], everywhere: frozenset[str]
) -> tuple[_Change, ...]:
    """Return each change once, with the artifacts that have it unless they are all."""
    files: dict[_Change, dict[str, None]] = {}
    for filename, changes in found:
        for one in changes:
            files.setdefault(one, {})[filename] = None
    return tuple(
        replace(one, files=() if everywhere <= names.keys() else tuple(names))
        for one, names in files.items()
    )


def _without_repetitions(artifacts: Iterable[ArtifactDelta]) -> Iterable[ArtifactDelta]:
    """Yield artifacts with the changes that none before has, as many as there is room for."""
    seen: set[object] = set()
    lines = MOST_DIFF_LINES
    for artifact in artifacts:
        new = {key: one for one in artifact.members if (key := change_in(one)) not in seen}
        listed = dict(islice(new.items(), max(0, MOST_CHANGES - len(seen))))
        seen.update(listed)
        members: list[MemberDelta] = []
        for one in listed.values():
            fits = len(one.diff) <= lines
            lines -= len(one.diff) if fits else 0
            members.append(one if fits else replace(one, diff=(), not_shown=_NO_ROOM))
        yield replace(
            artifact,
            members=tuple(members),
            repeated=len(artifact.members) - len(new),
            omitted=artifact.omitted + len(new) - len(listed),
        )


def change_in(member: MemberDelta) -> object:
    """Return what is the same for the same change of a file in another artifact.

    Its lines may end otherwise there, and an sdist may have it in `src/`.
    """
    path = member.path.removeprefix(_SOURCES)
    if member.diff and not member.not_shown:
        return path, member.kind, member.diff
    return replace(member, path=path)
