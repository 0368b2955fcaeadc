"""Findings on a delta: changes that users of the release would notice."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from stageproxy.core.review.delta.delta import (
    ArtifactDelta,
    ChangeKind,
    Delta,
    FieldDelta,
    NameDelta,
    RequirementChange,
)
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import first_few

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
_LONGEST_NAME = 40
"""How long the name of a licence in the field License can be. Anything longer is its text."""


def delta_findings(delta: Delta) -> tuple[ReviewFinding, ...]:
    """Return the findings on what a stage changes."""
    return tuple(finding for find in _FINDERS for finding in find(delta))


def _requires_python(delta: Delta) -> Iterator[ReviewFinding]:
    for one in delta.requirements:
        if one.name != _PYTHON or one.is_unsatisfiable:
            continue
        if not one.after:
            yield _loud(
                "requires-python-lost",
                f"Requires-Python is missing, in {delta.label} it is {one.before}: installers "
                "offer the release to every version of Python.",
                "Add `requires-python` to pyproject.toml, and look for other fields that are gone.",
                one.files,
            )
        elif one.change is not RequirementChange.LOOSENED:
            before = one.before or "missing"
            yield _loud(
                "requires-python-tightened",
                f"Requires-Python is {one.after}, in {delta.label} it is {before}: some versions "
                "of Python are excluded now, and their users stay on an older release.",
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
    yield from _gone(
        "entry-point-removed",
        f"These entry points of {delta.label} are gone:",
        "If that is meant, state it in the change log. Otherwise add them again.",
        _names(delta, "entry-point", ChangeKind.REMOVED),
    )


def _modules(delta: Delta) -> Iterator[ReviewFinding]:
    yield from _gone(
        "module-removed",
        f"These top-level modules of {delta.label} are gone, so that imports of them fail:",
        "If that is meant, state it in the change log. Otherwise include them in the build.",
        _names(delta, "module", ChangeKind.REMOVED),
    )


def _gone(
    code: str, message: str, advice: str, changes: Sequence[NameDelta]
) -> Iterator[ReviewFinding]:
    """Yield one finding on names that are gone, for each set of artifacts."""
    for files in dict.fromkeys(one.files for one in changes):
        names = [one.name for one in changes if one.files == files]
        yield _loud(code, f"{message} {first_few(names, _MOST_NAMED)}.", advice, files)


def _names(delta: Delta, what: str, kind: ChangeKind) -> Sequence[NameDelta]:
    return [one for one in delta.names if (one.what, one.kind) == (what, kind)]


def _extras(delta: Delta) -> Iterator[ReviewFinding]:
    gone = [one for one in _fields(delta, "Provides-Extra") if one.kind is ChangeKind.REMOVED]
    yield from _gone(
        "extra-removed",
        f"These extras of {delta.label} are gone, so that installers install nothing for them:",
        "Keep them, even if they require nothing any more, or state it in the change log.",
        [NameDelta("extra", one.before, one.kind, files=one.files) for one in gone],
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
    """Return the changes that do not only state the same licence in another way."""
    expressions, texts = _fields(delta, _EXPRESSION), _fields(delta, _LICENSE_TEXT)
    if expressions:
        restated = {_plain(one.after) for one in (*expressions, *texts)}
        return [one for one in expressions if one.before and _plain(one.before) not in restated]
    classifiers = [
        one
        for one in _fields(delta, "Classifier")
        if (one.before or one.after).startswith(_LICENSE_CLASSIFIER)
    ]
    has_others = any(one.after for one in classifiers)
    gone = [one for one in classifiers if one.before and has_others]
    return [*filter(_is_other_license, texts), *gone]


def _is_other_license(text: FieldDelta) -> bool:
    """Return whether the name of a licence has changed. Whole texts change with every year."""
    both = text.before, text.after
    is_name = all(one and len(one) <= _LONGEST_NAME and "\\n" not in one for one in both)
    return is_name and _plain(text.before) != _plain(text.after)


def _plain(text: str) -> str:
    return "".join(one for one in text.lower() if one.isalnum())


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
