"""What changes against a release, cut to what a page has room for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stageproxy.core.review.delta.delta import ArtifactDelta, ChangeKind, Delta, MemberDelta

_MOST_MEMBERS = 200
_MOST_FILES = 8
_DIFF_BYTES = 20_000
"""How many characters of text differences a page has, in all files together."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a delta is shown."""

    files: int = _MOST_FILES
    members: int = _MOST_MEMBERS
    characters: int = _DIFF_BYTES


EVERYTHING = Room(100_000, 100_000, 10**9)


@dataclass(frozen=True, slots=True)
class DeltaView:
    """A delta with the artifacts that are shown; `left_out` says what is not, empty if all is.

    `alike` are artifacts that only differ as those before them.
    """

    delta: Delta
    changed: tuple[ArtifactDelta, ...]
    alike: tuple[str, ...]
    removed: tuple[str, ...]
    not_compared: tuple[ArtifactDelta, ...]
    left_out: str
    is_empty: bool


def delta_view(delta: Delta, room: Room) -> DeltaView:
    """Return what is shown of a delta."""
    removed = tuple(one.before for one in delta.artifacts if not one.filename)
    compared = [one for one in delta.artifacts if one.filename and not one.not_compared]
    alike = tuple(one.filename for one in compared if one.only_repeats)
    changed = [one for one in compared if one.members or one.omitted]
    shown = tuple(_cut(changed[: room.files], room))
    not_compared = tuple(one for one in delta.artifacts if one.not_compared)
    facts = (
        delta.fields,
        delta.requirements,
        delta.names,
        delta.capabilities,
        changed,
        alike,
        removed,
    )
    return DeltaView(
        delta=delta,
        changed=shown,
        alike=alike,
        removed=removed,
        not_compared=not_compared[: room.files],
        left_out=_left_out(changed, shown),
        is_empty=not any(facts),
    )


def summary_of(artifact: ArtifactDelta) -> str:
    """Return how many files of an artifact differ, in words."""
    kinds = [one.kind for one in artifact.members]
    counts = [(kinds.count(kind), kind.value) for kind in ChangeKind]
    words = [f"{count} {word}" for count, word in counts if count]
    if artifact.repeated:
        words.append(f"{artifact.repeated} as above")
    if artifact.omitted:
        words.append(f"{artifact.omitted} more")
    return ", ".join(words)


def _cut(artifacts: Sequence[ArtifactDelta], room: Room) -> Iterator[ArtifactDelta]:
    members, characters = room.members, room.characters
    for artifact in artifacts:
        kept = []
        for member in artifact.members[:members]:
            size = sum(len(line.text) for line in member.diff)
            kept.append(member if size <= characters else _without_diff(member))
            characters -= size if size <= characters else 0
        members -= len(kept)
        omitted = artifact.omitted + len(artifact.members) - len(kept)
        yield replace(artifact, members=tuple(kept), omitted=omitted)


def _without_diff(member: MemberDelta) -> MemberDelta:
    return replace(member, diff=(), not_shown=f"{len(member.diff)} lines are not shown here")


def _left_out(changed: Sequence[ArtifactDelta], shown: Sequence[ArtifactDelta]) -> str:
    pairs = list(zip(changed, shown, strict=False))
    files = len(changed) - len(shown)
    left = sum(len(whole.members) - len(file.members) for whole, file in pairs)
    kept = [one for whole, file in pairs for one in whole.members[: len(file.members)]]
    diffs = sum(bool(one.diff) for _, file in pairs for one in file.members)
    cut = sum(bool(one.diff) for one in kept) - diffs
    parts = [
        f"{count} {what}"
        for count, what in (
            (files, "artifacts"),
            (left, "files in the others"),
            (cut, "differences"),
        )
        if count
    ]
    return " and ".join(parts)
