"""Changes that only some wheels of a release have, as if built from another source."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence

from stageproxy.core.review.delta.artifact_review import ArtifactReview
from stageproxy.core.review.delta.deltas import change_in
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import first_few

_WHEEL = ".whl"
_MODULE = ".py"
_FIELDS = frozenset(
    {"License-Expression", "License", "Provides-Extra", "Classifier", "Project-URL"}
)
"""Fields that are the same in every wheel. Those that installers use are in the verdict."""
_MOST_GROUPS = 5
_MOST_NAMED = 5

_Changes = Mapping[str, Hashable]
"""What a wheel changes, by the name of a module, field or entry point."""


def uneven_findings(reviews: Sequence[ArtifactReview]) -> list[ReviewFinding]:
    """Return the findings on wheels that do not change as most of the others do."""
    wheels = [one for one in reviews if _is_compared(one)]
    groups: dict[tuple[str, ...], list[str]] = {}
    for subject, others in _deviations({one.delta.filename: _changes_in(one) for one in wheels}):
        groups.setdefault(others, []).append(subject)
    return [_finding(files, names) for files, names in [*groups.items()][:_MOST_GROUPS]]


def _is_compared(review: ArtifactReview) -> bool:
    delta = review.delta
    is_whole = not delta.not_compared and not delta.omitted
    return is_whole and bool(delta.before) and delta.filename.endswith(_WHEEL)


def _changes_in(wheel: ArtifactReview) -> _Changes:
    modules = {
        one.path: change_in(one) for one in wheel.delta.members if one.path.endswith(_MODULE)
    }
    fields = {
        name: frozenset(one for one in wheel.fields if one.field == name)
        for name in {one.field for one in wheel.fields} & _FIELDS
    }
    points = {
        f"the entry point {one.name}": one for one in wheel.names if one.what == "entry-point"
    }
    return {**modules, **fields, **points}


def _deviations(wheels: Mapping[str, _Changes]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each subject that does not change alike, and the wheels that are not like most."""
    for subject in dict.fromkeys(one for changes in wheels.values() for one in changes):
        found = {filename: changes.get(subject) for filename, changes in wheels.items()}
        ((usual, _),) = Counter(found.values()).most_common(1)
        if others := tuple(name for name, change in found.items() if change != usual):
            yield subject, others


def _finding(files: tuple[str, ...], names: Sequence[str]) -> ReviewFinding:
    return ReviewFinding(
        Section.PARITY,
        Level.NOTE,
        "wheels-differ",
        f"Changed otherwise than in most wheels: {first_few(names, _MOST_NAMED)}.",
        "Make sure that all wheels were built from the same source.",
        files,
    )
