"""Differences between the files of a release in what PyPI shows once for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from stageproxy.core.stage.order import place_in_promotion
from stageproxy.core.stage.stage import Artifact, ArtifactKind
from stageproxy.core.values import FormFields

_LABELS: Mapping[str, str] = {
    "requires_python": "Requires-Python",
    "summary": "Summary",
    "requires_dist": "Requires-Dist",
}


@dataclass(frozen=True, slots=True)
class ReleaseClaims:
    """The values about the release in the form of a file, by field."""

    filename: str
    is_sdist: bool
    values: Mapping[str, frozenset[str]]


def claims_of_artifact(artifact: Artifact) -> ReleaseClaims:
    """Return the values in the form of a staged file."""
    values = {
        "requires_python": frozenset({artifact.requires_python or ""}),
        "summary": frozenset({artifact.summary or ""}),
        "requires_dist": frozenset(map(_normalized, artifact.requires_dist)),
    }
    return ReleaseClaims(artifact.filename, artifact.kind is ArtifactKind.SDIST, values)


def claims_of_form(filename: str, form: FormFields) -> ReleaseClaims:
    """Return the values in a form."""
    found: dict[str, set[str]] = {field: set() for field in _LABELS}
    for name, value in form:
        if name in found and value:
            found[name].add(_normalized(value) if name == "requires_dist" else value)
    values = {
        field: frozenset(texts or ({""} if field != "requires_dist" else ()))
        for field, texts in found.items()
    }
    return ReleaseClaims(filename, ("filetype", "sdist") in form, values)


def differences(claims: Iterable[ReleaseClaims]) -> Sequence[str]:
    """Return a sentence on each difference from the file that is published first.

    PyPI shows the values of the first file for the whole release: the summary, and
    the Requires-Python that installers use for *every* file.
    """
    ordered = sorted(
        claims, key=lambda one: place_in_promotion(one.filename, is_sdist=one.is_sdist)
    )
    if not ordered:
        return []
    first, *others = ordered
    return [
        f"{other.filename} has a different {label} than {first.filename}. "
        f"PyPI shows that of {first.filename} for all files, because it is published first."
        for other in others
        for field, label in _LABELS.items()
        if other.values[field] != first.values[field]
    ]


def _normalized(requirement: str) -> str:
    """Return the normalized requirement, or the text itself if it is invalid."""
    try:
        return str(Requirement(requirement))
    except InvalidRequirement:
        return requirement
