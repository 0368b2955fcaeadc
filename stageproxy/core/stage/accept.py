"""Acceptance of artifacts into stages: new, unchanged, replacing another one, or refused."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from stageproxy.core.errors import ConflictError, OtherReleaseError, Problem, RefusedError
from stageproxy.core.index.pages import Listing
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.project import ONE_SDIST
from stageproxy.core.rules.upload import IndexState
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage, Step

CLOSED_TO_UPLOADS = frozenset({"archived", "quarantined"})
"""The states of a project in which an index must not accept uploads (PEP 792)."""


Final = Mapping[str, str]
"""Why files that may be published cannot be changed any more, by their names."""

NOTHING_FINAL: Final = {}
_OTHER_FILES = "Files that certainly are not published can be."


class Outcome(StrEnum):
    """The effect of an upload on a stage."""

    UPLOADED = "uploaded"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


def is_published(artifact: Artifact, listing: Listing) -> bool:
    """Return whether upstream has the artifact: its filename, with the same bytes."""
    published = listing.files.get(artifact.filename)
    return published is not None and published.sha256 == artifact.sha256


def check_bytes_as_published(artifact: Artifact, listing: Listing) -> None:
    """Raise `RefusedError` if upstream has the artifact's filename with other bytes."""
    if artifact.filename in listing.files and not is_published(artifact, listing):
        raise _already_exists(artifact)


def index_state_of(
    listing: Listing,
    version: str | None,
    now: datetime,
    *,
    similar: str | None = None,
    staged: Iterable[Artifact] = (),
) -> IndexState:
    """Return the state of the index for an upload of *version*, `None` if that is unknown.

    *similar*: another project whose name PyPI treats as the same; *staged*:
    the other artifacts of the project that are staged.
    """
    release = listing.files_of(version) if version is not None else []
    times = [_parse_time(one.upload_time) for one in release]
    sizes = [one.size for one in listing.files.values() if one.size is not None]
    staged_size = sum(one.size for one in staged if one.filename not in listing.files)
    is_size_known = len(sizes) == len(listing.files)
    return IndexState(
        now=now,
        has_project=listing.exists,
        files={one.filename: one.sha256 for one in listing.files.values()},
        release=tuple(one.filename for one in release),
        first_upload=min((time for time in times if time is not None), default=None),
        is_age_known=None not in times,
        similar=similar,
        size=sum(sizes) + staged_size if is_size_known else None,
        largest=max(sizes, default=0),
    )


def _parse_time(text: str | None) -> datetime | None:
    """Return a time of the index, or `None` if it is not a time with a zone."""
    try:
        time = datetime.fromisoformat(text or "")
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo is not None else None


def find_closed(project: str, listing: Listing) -> Finding | None:
    """Return the refusal of uploads if the project is closed upstream."""
    if listing.status not in CLOSED_TO_UPLOADS:
        return None
    message = f"Project {project} is {listing.status} on PyPI and accepts no uploads."
    return Finding("name", message)


def check_project_accepts_uploads(project: str, listing: Listing) -> None:
    """Raise `RefusedError` if the project is closed upstream."""
    closed = find_closed(project, listing)
    if closed is not None:
        raise RefusedError([Problem(closed.source, closed.message)])


def plan_acceptance(
    stage: Stage,
    artifact: Artifact,
    version: str,
    others: Iterable[Artifact],
    *,
    replace: bool,
    final: Final = NOTHING_FINAL,
) -> Outcome:
    """Return the effect of an artifact on a stage. Raise if the stage cannot accept it.

    *others*: the artifacts of the project's live stages. PyPI accepts the same
    bytes only once, whatever their filename. *replace*: whether a staged file
    can be replaced; *final*: those that cannot.
    """
    stage.after(Step.EDIT)
    if not stage.accepts_version(version):
        raise OtherReleaseError(artifact.filename, staged=stage.release)
    existing = stage.find_artifact(artifact.filename)
    _check_sdist_is_the_only_one(stage, artifact)
    _check_bytes_are_new(artifact, others)
    outcome = _outcome(existing, artifact, replace=replace)
    if outcome is not Outcome.UNCHANGED:
        check_can_change(stage, artifact.filename, final)
    return outcome


def check_can_change(stage: Stage, filename: str, final: Final) -> None:
    """Raise `ConflictError` if a file can be neither replaced, withdrawn nor added any more.

    PyPI never changes a file that it has. And the sdist is published last: once it may
    be published, nothing follows.
    """
    stage.after(Step.EDIT)
    if reason := final.get(filename):
        raise ConflictError(
            f"{filename} {reason}, so it can be neither replaced nor withdrawn. {_OTHER_FILES}"
        )
    if stage.find_artifact(filename) is not None:
        return
    sdists = (one.filename for one in stage.artifacts if one.kind is ArtifactKind.SDIST)
    for sdist in sdists:
        if reason := final.get(sdist):
            raise ConflictError(
                f"{sdist} {reason}. The sdist is the last file of a release, so {stage.release} "
                "takes no more files. Publish another version."
            )


def _outcome(existing: Artifact | None, artifact: Artifact, *, replace: bool) -> Outcome:
    if existing is None:
        return Outcome.UPLOADED
    if existing.sha256 == artifact.sha256:
        return _for_same_bytes(existing, artifact, replace=replace)
    if not replace:
        raise _already_exists(artifact)
    return Outcome.REPLACED


def _for_same_bytes(existing: Artifact, artifact: Artifact, *, replace: bool) -> Outcome:
    """Compare the forms: PyPI shows the metadata of the form, so another form is another file."""
    if replace and existing.form_sha256 != artifact.form_sha256:
        return Outcome.REPLACED
    return Outcome.UNCHANGED


def _check_sdist_is_the_only_one(stage: Stage, artifact: Artifact) -> None:
    """Refuse a second sdist, whose version is the same in another spelling."""
    sdists = {one.filename for one in stage.artifacts if one.kind is ArtifactKind.SDIST}
    if artifact.kind is ArtifactKind.SDIST and sdists - {artifact.filename}:
        raise RefusedError([Problem("content", ONE_SDIST)])


def _check_bytes_are_new(artifact: Artifact, others: Iterable[Artifact]) -> None:
    for other in others:
        if other.sha256 == artifact.sha256 and other.filename != artifact.filename:
            raise _already_exists(artifact)


def _already_exists(artifact: Artifact) -> RefusedError:
    return RefusedError(
        [
            Problem(
                "content",
                f"File already exists ({artifact.filename!r}, with blake2_256 hash "
                f"{artifact.blake2b_256!r}).",
                page="help/#file-name-reuse",
            )
        ]
    )
