"""Here is in what the files of one release differ, which PyPI shows but once for all of them."""

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
    """What the form of a file says of its release, by the form's fields."""

    filename: str
    is_sdist: bool
    values: Mapping[str, frozenset[str]]


def claims_of_artifact(artifact: Artifact) -> ReleaseClaims:
    """Return what the form of a staged file said."""
    values = {
        "requires_python": frozenset({artifact.requires_python or ""}),
        "summary": frozenset({artifact.summary or ""}),
        "requires_dist": frozenset(map(_spelled, artifact.requires_dist)),
    }
    return ReleaseClaims(artifact.filename, artifact.kind is ArtifactKind.SDIST, values)


def claims_of_form(filename: str, form: FormFields) -> ReleaseClaims:
    """Return what a form says."""
    said: dict[str, set[str]] = {field: set() for field in _LABELS}
    for name, value in form:
        if name in said and value:
            said[name].add(_spelled(value) if name == "requires_dist" else value)
    values = {
        field: frozenset(found or ({""} if field != "requires_dist" else ()))
        for field, found in said.items()
    }
    return ReleaseClaims(filename, ("filetype", "sdist") in form, values)


def differences(told: Iterable[ReleaseClaims]) -> Sequence[str]:
    """Return where files say another thing than the one that will be published first.

    PyPI takes what it shows of a release from the first file that it gets: the
    summary, and the Requires-Python that installers see of *every* file.
    """
    in_order = sorted(told, key=lambda one: place_in_promotion(one.filename, is_sdist=one.is_sdist))
    if not in_order:
        return []
    first, *others = in_order
    return [
        f"{other.filename} has a different {label} than {first.filename}. "
        f"PyPI shows that of {first.filename} for all files, because it is published first."
        for other in others
        for field, label in _LABELS.items()
        if other.values[field] != first.values[field]
    ]


def _spelled(requirement: str) -> str:
    """Return a requirement as all have it that mean the same."""
    try:
        return str(Requirement(requirement))
    except InvalidRequirement:
        return requirement
