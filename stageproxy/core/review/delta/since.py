"""What a file of a stage changes beside the one that it replaced, from the review of each.

The bytes of a file that was replaced are not kept, but both were compared with the same published
file. What the earlier comparison found and the present one did not was undone since.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.compare import MOST_CHANGES
from stageproxy.core.review.delta.delta import (
    ChangeKind,
    FieldDelta,
    MemberDelta,
    NameDelta,
    RequirementChange,
    RequirementDelta,
)
from stageproxy.core.review.delta.metadata_fields import kind_of, subject_of
from stageproxy.core.review.delta.requirements import (
    PYTHON,
    compare_requirements,
    compare_requires_python,
)

_NO_LINES = "The file that was replaced is not stored any more, so no lines are compared."
_UNDONE: dict[ChangeKind, ChangeKind] = {
    ChangeKind.ADDED: ChangeKind.REMOVED,
    ChangeKind.REMOVED: ChangeKind.ADDED,
    ChangeKind.CHANGED: ChangeKind.CHANGED,
}
_OPPOSITE: dict[RequirementChange, RequirementChange] = {
    RequirementChange.ADDED: RequirementChange.REMOVED,
    RequirementChange.REMOVED: RequirementChange.ADDED,
    RequirementChange.LOOSENED: RequirementChange.TIGHTENED,
    RequirementChange.TIGHTENED: RequirementChange.LOOSENED,
    RequirementChange.CHANGED: RequirementChange.CHANGED,
}

_Named = TypeVar("_Named", FieldDelta, NameDelta)
_Change = TypeVar("_Change", FieldDelta, NameDelta, RequirementDelta)


def review_since(earlier: ArtifactReview, present: ArtifactReview) -> ArtifactReview | None:
    """Return the review of a file beside the one that it replaced, without diffs of lines.

    `None` if they were not compared with the same file, or something was left out.
    """
    if not _is_whole(earlier) or not _is_whole(present):
        return None
    if earlier.delta.before != present.delta.before:
        return None
    delta = replace(
        present.delta,
        before=earlier.delta.filename,
        size_before=earlier.delta.size_after,
        count_before=earlier.delta.count_after,
        members=tuple(_members(earlier.delta.members, present.delta.members)),
    )
    return ArtifactReview(
        delta,
        tuple(_since(earlier.fields, present.fields, subject_of, _other_value, _undone)),
        tuple(_since(earlier.requirements, present.requirements, _wish, _other_wish, _no_longer)),
        tuple(_since(earlier.names, present.names, _name, _other_value, _undone)),
    )


def _is_whole(review: ArtifactReview) -> bool:
    lists: Sequence[Sequence[object]] = (review.fields, review.requirements, review.names)
    is_compared = bool(review.delta.before) and not review.delta.not_compared
    return (
        is_compared and not review.delta.omitted and all(len(one) < MOST_CHANGES for one in lists)
    )


def _since(
    earlier: Sequence[_Change],
    present: Sequence[_Change],
    key_of: Callable[[_Change], Hashable],
    between: Callable[[_Change, _Change], Iterable[_Change]],
    undone: Callable[[_Change], _Change],
) -> Iterator[_Change]:
    """Yield what differs between two lists of changes of the same release."""
    old: dict[Hashable, list[_Change]] = _grouped(
        [one for one in earlier if one not in present], key_of
    )
    new: dict[Hashable, list[_Change]] = _grouped(
        [one for one in present if one not in earlier], key_of
    )
    for key in dict.fromkeys((*new, *old)):
        olds: list[_Change] = old.get(key, [])
        news: list[_Change] = new.get(key, [])
        if len(olds) == len(news) == 1 and olds[0].before == news[0].before:
            yield from between(olds[0], news[0])
        else:
            yield from map(undone, olds)
            yield from news


def _grouped(
    changes: Iterable[_Change], key_of: Callable[[_Change], Hashable]
) -> dict[Hashable, list[_Change]]:
    groups: dict[Hashable, list[_Change]] = {}
    for one in changes:
        groups.setdefault(key_of(one), []).append(one)
    return groups


def _name(change: NameDelta) -> Hashable:
    return change.what, change.name


def _wish(change: RequirementDelta) -> Hashable:
    return change.name, change.extra


def _other_value(old: _Named, new: _Named) -> Iterator[_Named]:
    yield replace(new, kind=kind_of(old.after, new.after), before=old.after)


def _undone(change: _Named) -> _Named:
    return replace(change, kind=_UNDONE[change.kind], before=change.after, after=change.before)


def _other_wish(old: RequirementDelta, new: RequirementDelta) -> Iterator[RequirementDelta]:
    if new.name == PYTHON:
        yield from compare_requires_python(old.after, new.after)
        return
    found = compare_requirements(*([one.after] if one.after else [] for one in (old, new)))
    yield from (one for one in found if (one.name, one.extra) == (new.name, new.extra))


def _no_longer(change: RequirementDelta) -> RequirementDelta:
    return RequirementDelta(
        change.name, _OPPOSITE[change.change], change.after, change.before, change.extra
    )


def _members(
    earlier: Sequence[MemberDelta], present: Sequence[MemberDelta]
) -> Iterator[MemberDelta]:
    old = {one.path: one for one in earlier}
    new = {one.path: one for one in present}
    for path in sorted({*old, *new}):
        if path not in old:
            yield new[path]
        elif path not in new:
            yield _put_back(old[path])
        elif (old[path].kind, old[path].sha256) != (new[path].kind, new[path].sha256):
            yield _other_bytes(old[path], new[path])


def _put_back(old: MemberDelta) -> MemberDelta:
    sizes = old.size_after, old.size_before
    return MemberDelta(old.path, _UNDONE[old.kind], *sizes, not_shown=_NO_LINES)


def _other_bytes(old: MemberDelta, new: MemberDelta) -> MemberDelta:
    kind = kind_of(old.kind is not ChangeKind.REMOVED, new.kind is not ChangeKind.REMOVED)
    sizes = old.size_after, new.size_after
    return MemberDelta(new.path, kind, *sizes, not_shown=_NO_LINES, sha256=new.sha256)
