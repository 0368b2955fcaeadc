"""Soft strictness: what the standards of packaging want, and PyPI does not refuse yet.

What a release lacks altogether (a description, a license, classifiers, Requires-Python, URLs) is
in the verdict already: see `core/rules/completeness.py`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.printable import printable
from stageproxy.core.review.summary import ArchiveSummary
from stageproxy.core.rules.findings import Level
from stageproxy.core.wording import first_few

_MOST_NAMED = 5
_LONGEST = 1000
"""A longer value is not judged."""
_MOST_JUDGED = 2000
"""How many values of a field are judged."""

_MOST_SPECIFIERS = 20
"""A Requires-Python with more specifiers is not judged."""

_CAPS = frozenset({"<", "<=", "~=", "==", "==="})
_LICENSE_CLASSIFIER = "License ::"
_PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d{1,2})")

_REPLACED: Mapping[str, str] = {
    "Home-page": "Project-URL with the label Homepage",
    "Download-URL": "Project-URL with the label Download",
    "Requires": "Requires-Dist",
    "Provides": "Provides-Dist",
    "Obsoletes": "Obsoletes-Dist",
}
"""Deprecated fields, and what takes their place."""

_BETTER: Mapping[str, str] = {
    "bugreports": "Issues",
    "code": "Source",
    "ghissues": "Issues",
    "git": "Source",
    "gitlab": "Source",
    "home": "Homepage",
    "manual": "Documentation",
    "releases": "Changelog",
    "repo": "Source",
    "reportbugs": "Issues",
    "reportissues": "Issues",
    "sources": "Source",
    "vcs": "Source",
    "website": "Homepage",
}
"""Labels of project URLs that mean the same as a well-known one, in normalized form."""

_OLD_VERSIONS = frozenset({"1.0", "1.1", "1.2", "2.0"})


@dataclass(frozen=True, slots=True)
class _Line:
    """A field of the metadata, and the number of its line."""

    value: str
    number: int


class _Metadata:
    """The metadata of an artifact, by field."""

    def __init__(self, summary: ArchiveSummary) -> None:
        self.filename = summary.filename
        self.description = summary.description
        self._file = "METADATA" if summary.filename.endswith(".whl") else "PKG-INFO"
        self._lines: dict[str, list[_Line]] = {}
        for name, value, number in summary.metadata:
            self._lines.setdefault(name.lower(), []).append(_Line(value, number))

    def lines(self, field: str) -> Sequence[_Line]:
        """Return the lines of a field, as many as are judged, without those too long for it."""
        found = self._lines.get(field, ())
        return [one for one in found[:_MOST_JUDGED] if len(one.value) <= _LONGEST]

    def finding(
        self, code: str, message: str, advice: str, line: _Line | None = None, *, loud: bool = False
    ) -> ReviewFinding:
        """Return a finding at a line, or on the whole file."""
        place = f"{self._file}:{line.number}" if line else self._file
        level = Level.WARN if loud else Level.NOTE
        return ReviewFinding(
            Section.STRICTNESS, level, code, message, advice, (self.filename,), place
        )


def strictness_findings(summary: ArchiveSummary) -> tuple[ReviewFinding, ...]:
    """Return the findings on an artifact's metadata; none if it was not read."""
    if not summary.metadata:
        return ()
    metadata = _Metadata(summary)
    return tuple(finding for find in _FINDERS for finding in find(metadata))


def _content_type(metadata: _Metadata) -> Iterator[ReviewFinding]:
    if metadata.description.strip() and not metadata.lines("description-content-type"):
        yield metadata.finding(
            "no-content-type",
            "The description has no Description-Content-Type, so it is shown as reStructuredText.",
            "State `text/markdown` or whatever it is, such as by the ending of the readme file.",
        )


def _summary(metadata: _Metadata) -> Iterator[ReviewFinding]:
    if not any(one.value.strip() for one in metadata.lines("summary")):
        yield metadata.finding(
            "no-summary",
            "There is no Summary: lists of projects show nothing beside the name.",
            "Add `description` to `[project]` in pyproject.toml.",
        )


def _license(metadata: _Metadata) -> Iterator[ReviewFinding]:
    has_expression = bool(metadata.lines("license-expression"))
    classifiers = [
        one for one in metadata.lines("classifier") if one.value.startswith(_LICENSE_CLASSIFIER)
    ]
    stated = [*metadata.lines("license"), *classifiers]
    if has_expression and classifiers:
        yield metadata.finding(
            "license-classifier",
            f"The classifier {printable(classifiers[0].value)} says again what License-Expression "
            "says, and is deprecated.",
            "Remove the classifiers that begin with `License ::`.",
            classifiers[0],
        )
    if stated and not has_expression:
        yield metadata.finding(
            "no-license-expression",
            "The license is stated without License-Expression, so programs cannot rely on it.",
            "Set `license` in `[project]` to an SPDX expression such as `MIT`.",
            stated[0],
        )


def _caps_on_python(metadata: _Metadata) -> Iterator[ReviewFinding]:
    specifier = _requires_python(metadata)
    caps = sorted(str(one) for one in specifier if one.operator in _CAPS)
    if caps:
        yield metadata.finding(
            "python-capped",
            f"Requires-Python excludes later versions of Python by {', '.join(caps)}: their users "
            "silently get an older release that does not.",
            "Remove the upper bound unless it is known that later versions fail.",
            metadata.lines("requires-python")[0],
            loud=True,
        )


def _caps_on_dependencies(metadata: _Metadata) -> Iterator[ReviewFinding]:
    """Yield the finding on caps on what the release requires without an extra."""
    capped: dict[str, _Line] = {}
    for line in metadata.lines("requires-dist"):
        requirement = _requirement(line.value)
        if requirement is None or "extra ==" in str(requirement.marker or ""):
            continue
        if any(one.operator in _CAPS for one in requirement.specifier):
            capped.setdefault(canonicalize_name(requirement.name), line)
    if capped:
        yield metadata.finding(
            "dependencies-capped",
            f"Dependencies have an upper bound: {_named(capped)}. No other project can require "
            "later versions of them beside this one.",
            "Remove upper bounds unless it is known that later versions fail.",
            next(iter(capped.values())),
        )


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except (InvalidRequirement, ValueError, RecursionError):
        return None


def _deprecated(metadata: _Metadata) -> Iterator[ReviewFinding]:
    for field, replacement in _REPLACED.items():
        for line in metadata.lines(field.lower())[:1]:
            yield metadata.finding(
                "deprecated-field",
                f"The field {field} is deprecated.",
                f"Use {replacement}.",
                line,
            )


def _labels(metadata: _Metadata) -> Iterator[ReviewFinding]:
    for line in metadata.lines("project-url"):
        label = line.value.partition(",")[0].strip()
        better = _BETTER.get(_normalized(label))
        if better:
            yield metadata.finding(
                "unknown-label",
                f"The label {printable(label)} of a project URL is not well-known: programs cannot "
                "say what it leads to.",
                f"Use {better}.",
                line,
            )


def _normalized(label: str) -> str:
    """Return a label without punctuation, white space and upper case, as they are compared."""
    return "".join(one for one in label.lower() if one.isalnum())


def _python_classifiers(metadata: _Metadata) -> Iterator[ReviewFinding]:
    """Yield the finding on classifiers for Pythons that Requires-Python excludes."""
    lines: dict[str, _Line] = {}
    for line in metadata.lines("classifier"):
        if found := _PYTHON_CLASSIFIER.fullmatch(line.value):
            lines.setdefault(found[1], line)
    excluded = [one for one in lines if _excludes(_requires_python(metadata), one)]
    if excluded:
        yield metadata.finding(
            "classifier-excluded",
            f"Classifiers name Pythons that Requires-Python excludes: {_named(excluded)}.",
            "Remove these classifiers, or correct Requires-Python.",
            lines[excluded[0]],
        )


def _excludes(requires_python: SpecifierSet, minor: str) -> bool:
    try:
        return requires_python.is_disjoint(SpecifierSet(f"=={minor}.*"))
    except ValueError:  # `===` accepts a text, which is in no order
        return False


def _requires_python(metadata: _Metadata) -> SpecifierSet:
    """Return Requires-Python, or the set that accepts everything if it cannot be judged."""
    try:
        parsed = SpecifierSet("".join(one.value for one in metadata.lines("requires-python")[:1]))
    except (InvalidSpecifier, ValueError):
        return SpecifierSet()
    return parsed if len(parsed) <= _MOST_SPECIFIERS else SpecifierSet()


def _metadata_version(metadata: _Metadata) -> Iterator[ReviewFinding]:
    for line in metadata.lines("metadata-version")[:1]:
        if line.value in _OLD_VERSIONS:
            yield metadata.finding(
                "old-metadata-version",
                f"Metadata-Version is {line.value}, which has no type of the description.",
                "Build the artifacts with a current build backend.",
                line,
            )


def _named(names: Iterable[str]) -> str:
    return first_few([*names], _MOST_NAMED)


_FINDERS: Sequence[Callable[[_Metadata], Iterator[ReviewFinding]]] = (
    _content_type,
    _summary,
    _license,
    _caps_on_python,
    _caps_on_dependencies,
    _deprecated,
    _labels,
    _python_classifiers,
    _metadata_version,
)
