"""Findings on a delta: changes that users of the release would notice."""

from collections.abc import Callable, Iterable, Iterator

from stageproxy.core.names import first_few
from stageproxy.core.review.delta import (
    ArtifactDelta,
    ChangeKind,
    Delta,
    FieldDelta,
    NameDelta,
    RequirementChange,
)
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level

_PYTHON = "python"
_MOST_NAMED = 5
_NOTABLE_BYTES = 100_000
"""An artifact that grows or shrinks by less is not reported, however small it is."""
_NOTABLE_LOSS = 20
"""So many files have to be gone from an artifact to be reported, or a fifth of them if more."""
_FEWER, _MANY = 5, 200
_LICENSE_TEXT = "License"
_EXPRESSION = "License-Expression"
_LICENSE_CLASSIFIER = "License ::"


def delta_findings(delta: Delta) -> tuple[ReviewFinding, ...]:
    """Return the findings on what a stage changes."""
    return tuple(finding for find in _FINDERS for finding in find(delta))


def _requires_python(delta: Delta) -> Iterator[ReviewFinding]:
    excluding = {RequirementChange.TIGHTENED, RequirementChange.CHANGED}
    for one in delta.requirements:
        if one.name == _PYTHON and one.change in excluding and not one.is_unsatisfiable:
            yield _loud(
                "requires-python-tightened",
                f"Requires-Python is {one.after or 'missing'}, in {delta.label} it is "
                f"{one.before or 'missing'}: some versions of Python are excluded now, and their "
                "users stay on an older release.",
                "State it in the change log. If it is not meant, correct `requires-python`.",
                one.files,
            )


def _unsatisfiable(delta: Delta) -> Iterator[ReviewFinding]:
    for one in delta.requirements:
        if one.is_unsatisfiable:
            whom = f"the extra {one.extra}" if one.extra else "the release"
            yield _loud(
                "requirement-unsatisfiable",
                f"No version of {one.name} can meet {one.after}: nobody can install {whom}.",
                "Correct the requirement, and build the artifacts again.",
                one.files,
            )


def _entry_points(delta: Delta) -> Iterator[ReviewFinding]:
    for one in _names(delta, "entry-point", ChangeKind.CHANGED):
        yield _loud(
            "entry-point-changed",
            f"The entry point {one.name} is {one.after}, in {delta.label} it is {one.before}.",
            "Make sure that the new object does what users of the old one expect.",
            one.files,
        )
    for one in _names(delta, "entry-point", ChangeKind.REMOVED):
        yield _loud(
            "entry-point-removed",
            f"The entry point {one.name} of {delta.label} is gone.",
            "If that is meant, state it in the change log. Otherwise add it again.",
            one.files,
        )


def _modules(delta: Delta) -> Iterator[ReviewFinding]:
    for one in _names(delta, "module", ChangeKind.REMOVED):
        yield _loud(
            "module-removed",
            f"The top-level module {one.name} of {delta.label} is gone: imports of it fail.",
            "If that is meant, state it in the change log. Otherwise include it in the build.",
            one.files,
        )


def _names(delta: Delta, what: str, kind: ChangeKind) -> Iterable[NameDelta]:
    return (one for one in delta.names if (one.what, one.kind) == (what, kind))


def _extras(delta: Delta) -> Iterator[ReviewFinding]:
    for one in _fields(delta, "Provides-Extra"):
        if one.kind is ChangeKind.REMOVED:
            yield _loud(
                "extra-removed",
                f"The extra {one.before} of {delta.label} is gone: installers install "
                "nothing for it.",
                "Keep it, even if it requires nothing any more, or state it in the change log.",
                one.files,
            )


def _fields(delta: Delta, name: str) -> list[FieldDelta]:
    return [one for one in delta.fields if one.field.lower() == name.lower()]


def _license(delta: Delta) -> Iterator[ReviewFinding]:
    changes = _license_changes(delta)
    for one in changes:
        yield _loud(
            "license-changed",
            f"{one.field} is {one.after or 'missing'}, in {delta.label} it is {one.before}.",
            "Make sure that everybody who holds rights in the project agrees.",
            one.files,
        )


def _license_changes(delta: Delta) -> list[FieldDelta]:
    """Return the changes that do not only state the same licence in another field."""
    expressions = _fields(delta, _EXPRESSION)
    if expressions:
        return [one for one in expressions if one.kind is not ChangeKind.ADDED]
    texts = [one for one in _fields(delta, _LICENSE_TEXT) if one.kind is ChangeKind.CHANGED]
    classifiers = [
        one for one in _fields(delta, "Classifier") if one.before.startswith(_LICENSE_CLASSIFIER)
    ]
    added = [
        one.after
        for one in _fields(delta, "Classifier")
        if one.after.startswith(_LICENSE_CLASSIFIER)
    ]
    return [*texts, *(classifiers if added else [])]


def _sizes(delta: Delta) -> Iterator[ReviewFinding]:
    pairs = [one for one in delta.artifacts if one.filename and one.before]
    larger = [one for one in pairs if _is_larger(one.size_before, one.size_after)]
    smaller = [one for one in pairs if _is_larger(one.size_after, one.size_before)]
    if larger:
        yield _loud(
            "much-larger",
            f"At least twice as large as in {delta.label}: {_with_sizes(larger)}.",
            "Look for files that do not belong into the build, such as tests, data or symbols.",
            tuple(one.filename for one in larger),
        )
    if smaller:
        yield _loud(
            "much-smaller",
            f"At most half as large as in {delta.label}: {_with_sizes(smaller)}.",
            "Look for files that the build has left out.",
            tuple(one.filename for one in smaller),
        )


def _is_larger(before: int, after: int) -> bool:
    return after >= 2 * before > 0 and after - before >= _NOTABLE_BYTES


def _with_sizes(artifacts: Iterable[ArtifactDelta]) -> str:
    texts = [
        f"{one.filename} ({one.size_after:,} bytes instead of {one.size_before:,})"
        for one in artifacts
    ]
    return first_few(texts, _MOST_NAMED)


def _lost_files(delta: Delta) -> Iterator[ReviewFinding]:
    fewer = [one for one in delta.artifacts if _has_lost_files(one)]
    if fewer:
        texts = [
            f"{one.filename} ({one.count_after:,} files instead of {one.count_before:,})"
            for one in fewer
        ]
        yield _loud(
            "files-lost",
            f"Many files of {delta.label} are gone: {first_few(texts, _MOST_NAMED)}.",
            "Look at the files that are removed. If the build has left them out, build it again.",
            tuple(one.filename for one in fewer),
        )


def _has_lost_files(artifact: ArtifactDelta) -> bool:
    lost = artifact.count_before - artifact.count_after
    is_share = lost * _FEWER >= artifact.count_before
    return not artifact.not_compared and (lost >= _MANY or (lost >= _NOTABLE_LOSS and is_share))


def _typing(delta: Delta) -> Iterator[ReviewFinding]:
    for artifact in delta.artifacts:
        for one in artifact.members:
            if one.kind is ChangeKind.REMOVED and one.path.endswith("/py.typed"):
                yield _loud(
                    "types-removed",
                    f"{one.path} of {delta.label} is gone: type checkers ignore the annotations.",
                    "Include it in the build.",
                    (artifact.filename,),
                )


def _not_compared(delta: Delta) -> Iterator[ReviewFinding]:
    if delta.not_compared:
        yield _unknown(f"The contents were not compared with {delta.label}. {delta.not_compared}")
        return
    reasons: dict[str, list[str]] = {}
    for one in delta.artifacts:
        if one.filename and one.not_compared:
            reasons.setdefault(one.not_compared, []).append(one.filename)
    for reason, files in reasons.items():
        named = first_few(files, _MOST_NAMED)
        yield _unknown(f"Not compared with {delta.label}: {named}. {reason}", tuple(files))


_FINDERS: tuple[Callable[[Delta], Iterator[ReviewFinding]], ...] = (
    _requires_python,
    _unsatisfiable,
    _entry_points,
    _modules,
    _extras,
    _license,
    _sizes,
    _lost_files,
    _typing,
    _not_compared,
)


def _loud(code: str, message: str, advice: str, files: tuple[str, ...]) -> ReviewFinding:
    return ReviewFinding(Section.DELTA, Level.WARN, code, message, advice, files)


def _unknown(message: str, files: tuple[str, ...] = ()) -> ReviewFinding:
    return ReviewFinding(Section.DELTA, Level.UNKNOWN, "not-compared", message, files=files)
