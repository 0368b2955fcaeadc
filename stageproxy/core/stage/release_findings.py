"""Findings on the files of a release, one by one, compared and as a whole."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.version import Version

from stageproxy.core.archives.filenames import parse_distribution_name
from stageproxy.core.index.pages import Listing
from stageproxy.core.index.releases import Release, releases_in
from stageproxy.core.rules.findings import RELEASE, Finding, FindingsByFile, suspicious
from stageproxy.core.rules.project import project_size_findings
from stageproxy.core.rules.table import file_findings, index_findings, refusals
from stageproxy.core.rules.upload import IndexState, Upload
from stageproxy.core.stage.accept import find_closed, index_state_of
from stageproxy.core.stage.order import place_in_promotion
from stageproxy.core.stage.stage import LIVE, Artifact, ArtifactKind, Stage
from stageproxy.core.stage.wheel_coverage import Regression, find_regressions, release_before
from stageproxy.core.values import FormFields

_PYTHON = "requires_python"
_LABELS: Mapping[str, str] = {
    _PYTHON: "Requires-Python",
    "summary": "Summary",
    "requires_dist": "Requires-Dist",
}

_SPACED = re.compile(r" ?([<>=!~,;()\[\]]+) ?")
"""An operator or another sign of a requirement, around which spaces mean nothing."""


@dataclass(frozen=True, slots=True)
class ReleaseClaims:
    """The values about the release in the form of a file, by field."""

    filename: str
    is_sdist: bool
    values: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class ExaminedFile:
    """A file of a release, and the findings that it has whatever the index lists.

    `claims` is `None` if the file cannot be read.
    """

    upload: Upload
    findings: Sequence[Finding]
    claims: ReleaseClaims | None


@dataclass(frozen=True, slots=True)
class IndexAnswer:
    """What an index answers about a release.

    `listing` is `None` if it was not asked or did not answer. `similar` is another
    project whose name PyPI treats as the same. `findings` are on the dependencies
    of the release, and on what could not be found out.
    """

    listing: Listing | None = None
    similar: str | None = None
    findings: Sequence[Finding] = ()


def examined_file(upload: Upload) -> ExaminedFile:
    """Return a file with its findings, without those on metadata that could not be read."""
    named = as_named(upload)
    return examined_with(named, file_findings(named))


def examined_with(named: Upload, found: Sequence[Finding]) -> ExaminedFile:
    """Return a file, which is *named* by its filename, with what the rules found in it."""
    is_read = named.contents.core_metadata is not None
    claims = claims_of_form(named.filename, named.form) if is_read else None
    return ExaminedFile(named, on_what_was_read(named, found), claims)


def as_named(upload: Upload) -> Upload:
    """Return an upload whose form has what the filename says, if its metadata was not read.

    Otherwise a broken archive would be reported to lack a name, a version and so on.
    """
    if upload.contents.core_metadata is not None or upload.name is None:
        return upload
    known = (("name", upload.name.project), ("version", str(upload.name.version)))
    return replace(upload, form=(*upload.form, *known))


def on_what_was_read(upload: Upload, found: Sequence[Finding]) -> Sequence[Finding]:
    """Return only the findings on the file itself if it is refused and has no metadata."""
    on_the_file = [one for one in found if one.source == "content"]
    is_broken = upload.contents.core_metadata is None and refusals(on_the_file)
    return on_the_file if is_broken else found


def staged_file(artifact: Artifact, findings: Sequence[Finding]) -> ExaminedFile:
    """Return a staged file with its *findings*."""
    name = parse_distribution_name(artifact.filename)
    upload = Upload(
        form=(
            ("filetype", artifact.kind.value),
            ("name", name.project),
            ("version", str(name.version)),
        ),
        filename=artifact.filename,
        content_type=None,
        sha256=artifact.sha256,
        blake2b_256=artifact.blake2b_256,
        md5=artifact.md5,
        name=name,
        size=artifact.size,
    )
    return ExaminedFile(upload, findings, claims_of_artifact(artifact))


def stored_findings(stage: Stage) -> FindingsByFile:
    """Return the findings on a stage that need no index; none once it has ended."""
    if stage.status not in LIVE:
        return {}
    on_release = differences(map(claims_of_artifact, stage.artifacts))
    return {
        **{one.filename: one.findings for one in stage.artifacts},
        RELEASE: [suspicious(one, "release") for one in on_release],
    }


def findings_of_release(
    files: Sequence[ExaminedFile], answer: IndexAnswer, now: datetime
) -> FindingsByFile:
    """Return the findings on a release whose files are uploaded in this order.

    A file that the index has already is not uploaded again: only the release has
    findings then.
    """
    return {**_by_file(files, answer, now), RELEASE: [*_on_release(files, answer)]}


def _by_file(
    files: Sequence[ExaminedFile], answer: IndexAnswer, now: datetime
) -> dict[str, Sequence[Finding]]:
    state = _state_before(files, answer, now)
    found: dict[str, Sequence[Finding]] = {}
    for file in files:
        upload = replace(file.upload, index_state=state)
        is_published = _is_listed(upload, answer.listing)
        found[upload.filename] = [] if is_published else [*file.findings, *index_findings(upload)]
        state = replace(
            state,
            files={**state.files, upload.filename: upload.sha256},
            also_uploaded=(*state.also_uploaded, upload.filename),
        )
    return found


def _state_before(files: Sequence[ExaminedFile], answer: IndexAnswer, now: datetime) -> IndexState:
    """Return the state of the index for the first file. The size of the project is left out.

    It is a finding on the release, and not once more on every file.
    """
    name = files[0].upload.name if files else None
    if answer.listing is None or name is None:
        return IndexState(now=now, has_project=True)
    state = index_state_of(answer.listing, str(name.version), now, similar=answer.similar)
    return replace(state, size=None)


def _is_listed(upload: Upload, listing: Listing | None) -> bool:
    listed = listing.files.get(upload.filename) if listing else None
    return listed is not None and listed.sha256 == upload.sha256


def _on_release(files: Sequence[ExaminedFile], answer: IndexAnswer) -> Iterator[Finding]:
    listing = answer.listing or Listing()
    name = files[0].upload.name if files else None
    closed = find_closed(name.project, listing) if name else None
    if closed:
        yield closed
    lost = (one.sentence for one in regressions_of(files, listing))
    for sentence in (*differences(_claims_in_order(files)), *lost):
        yield suspicious(sentence, "release")
    yield from answer.findings
    yield from _project_size(files, answer.listing)


def _project_size(files: Sequence[ExaminedFile], listing: Listing | None) -> Iterator[Finding]:
    """Return the finding on the size of the project, if the index lists the sizes of all files."""
    if listing is None:
        return
    sizes = [one.size for one in listing.files.values()]
    known = [size for size in sizes if size is not None]
    new = (one.upload.size for one in files if one.upload.filename not in listing.files)
    if len(known) == len(sizes):
        yield from project_size_findings(sum(known) + sum(new))


def regressions_of(files: Sequence[ExaminedFile], listing: Listing) -> list[Regression]:
    """Return all that the previous release serves and this one does not.

    Files of this release that are published already count.
    """
    name = files[0].upload.name if files else None
    if name is None:
        return []
    releases = {one.version: one for one in releases_in(listing)}
    before = _release_before(name.version, releases)
    if before is None:
        return []
    own = releases[name.version].files if name.version in releases else ()
    return find_regressions(
        [*(one.upload.filename for one in files), *(one.filename for one in own)],
        [one.filename for one in before.files],
        f"{name.project} {before.version}",
        requires_python=requires_python_of(files),
    )


def _release_before(version: Version, releases: Mapping[Version, Release]) -> Release | None:
    """Return the release before a *version* that has files which are not yanked."""
    left = dict(releases)
    while before := release_before(version, left):
        if left[before].files:
            return left[before]
        del left[before]
    return None


def requires_python_of(files: Sequence[ExaminedFile]) -> str:
    """Return the Requires-Python of a release: that of the file that is published first."""
    return next((text for one in _claims_in_order(files) for text in one.values[_PYTHON]), "")


def _claims_in_order(files: Iterable[ExaminedFile]) -> list[ReleaseClaims]:
    """Return the claims of files in the order of their promotion."""
    claims = (one.claims for one in files if one.claims)
    return sorted(claims, key=lambda one: place_in_promotion(one.filename, is_sdist=one.is_sdist))


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
    """Return a requirement in one spelling, by its text: parsing it may take long.

    A requirement with a URL keeps the spaces around the URL, which belong to it.
    """
    text = " ".join(requirement.split())
    return text if "@" in text else _SPACED.sub(r"\1", text)
