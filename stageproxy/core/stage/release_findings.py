"""Findings on the files of a release, one by one, compared and as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from stageproxy.core.index.pages import Listing, version_in
from stageproxy.core.rules.findings import Finding, suspicious
from stageproxy.core.rules.table import findings_of, refusals
from stageproxy.core.rules.upload import IndexState, Upload
from stageproxy.core.stage.accept import find_closed
from stageproxy.core.stage.order import place_in_promotion
from stageproxy.core.stage.stage import Artifact, ArtifactKind
from stageproxy.core.stage.wheel_coverage import regressions, release_before
from stageproxy.core.values import FormFields

_LABELS: Mapping[str, str] = {
    "requires_python": "Requires-Python",
    "summary": "Summary",
    "requires_dist": "Requires-Dist",
}


def findings_by_file(
    uploads: Sequence[Upload], index_state: IndexState | None, now: datetime
) -> Mapping[str, list[Finding]]:
    """Return the findings on the files of a release, as if they were uploaded in this order.

    *index_state*: `None` if the index was not queried.
    """
    state = index_state or IndexState(now=now, has_project=True)
    found: dict[str, list[Finding]] = {}
    for upload in uploads:
        found[upload.filename] = _findings(replace(upload, index_state=state))
        is_new = upload.filename not in state.files
        state = replace(
            state,
            files={**state.files, upload.filename: upload.sha256},
            also_uploaded=(*state.also_uploaded, upload.filename),
            size=state.size + upload.size if is_new and state.size is not None else state.size,
        )
    return found


def _findings(upload: Upload) -> list[Finding]:
    """Return the findings on a file, without those on metadata that could not be read.

    Otherwise a broken archive would be reported to lack a name, a version and so on.
    """
    if upload.contents.core_metadata is not None:
        return findings_of(upload)
    name = upload.name
    known = (("name", name.project), ("version", str(name.version))) if name else ()
    found = findings_of(replace(upload, form=(*upload.form, *known)))
    on_the_file = [one for one in found if one.source == "content"]
    return on_the_file if refusals(on_the_file) else found


def release_findings(uploads: Sequence[Upload], listing: Listing | None) -> list[Finding]:
    """Return the findings on the files of a release as a whole.

    *listing*: the files that the index lists of the project, `None` if it was not queried.
    """
    known = listing or Listing()
    closed = find_closed(uploads[0].name.project, known) if uploads and uploads[0].name else None
    readable = (one for one in uploads if one.contents.core_metadata is not None)
    claims = (claims_of_form(one.filename, one.form) for one in readable)
    sentences = [*differences(claims), *_regressions(uploads, known)]
    found = [suspicious(one, "release") for one in sentences]
    return [closed, *found] if closed else found


def _regressions(uploads: Sequence[Upload], listing: Listing) -> list[str]:
    """Return a sentence on all that the previous release serves and this one does not.

    Files of this release that are published already count.
    """
    name = uploads[0].name if uploads else None
    if name is None:
        return []
    releases = _releases_in(listing)
    before = release_before(name.version, releases)
    if before is None:
        return []
    return regressions(
        [*(one.filename for one in uploads), *releases.get(name.version, ())],
        releases[before],
        f"{name.project} {before}",
        requires_python=uploads[0].get("requires_python"),
    )


def _releases_in(listing: Listing) -> Mapping[Version, Sequence[str]]:
    """Return the filenames of each release that is not yanked, by version."""
    releases: dict[Version, list[str]] = {}
    for file in listing.files.values():
        version = version_in(file.filename) if file.yanked is None else None
        if version is not None:
            releases.setdefault(version, []).append(file.filename)
    return releases


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
