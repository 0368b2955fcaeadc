"""Here is what becomes of an artifact that arrives: taken in, known already, or in conflict."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from stageproxy.core.errors import OtherReleaseError, Problem, RefusedError
from stageproxy.core.index.pages import Listing
from stageproxy.core.rules.findings import Finding
from stageproxy.core.rules.project import ONE_SDIST
from stageproxy.core.rules.upload import Surroundings
from stageproxy.core.stage.stage import Artifact, ArtifactKind, Stage, Step

CLOSED_TO_UPLOADS = frozenset({"archived", "quarantined"})
"""The states of a project in which an index must not take uploads (PEP 792)."""


class Outcome(StrEnum):
    """What became of an upload."""

    UPLOADED = "uploaded"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


def is_published(artifact: Artifact, listing: Listing) -> bool:
    """Say whether upstream has the artifact. Raise if it has other bytes under that name."""
    published = listing.files.get(artifact.filename)
    if published is None:
        return False
    if published.sha256 == artifact.sha256:
        return True
    raise _already_exists(artifact)


def surroundings_of(
    listing: Listing,
    version: str | None,
    now: datetime,
    *,
    similar: str | None = None,
    staged: Iterable[Artifact] = (),
) -> Surroundings:
    """Return what the index has beside an upload of a *version*, `None` if that is not known.

    *similar*: another project whose name PyPI takes for the same; *staged*:
    what else is to be published of the project.
    """
    release = listing.files_of(version) if version is not None else []
    times = [_parse_time(one.upload_time) for one in release]
    sizes = [one.size for one in listing.files.values() if one.size is not None]
    coming = sum(one.size for one in staged if one.filename not in listing.files)
    is_size_known = len(sizes) == len(listing.files)
    return Surroundings(
        now=now,
        has_project=listing.is_there,
        files={one.filename: one.sha256 for one in listing.files.values()},
        release=tuple(one.filename for one in release),
        first_upload=min((time for time in times if time is not None), default=None),
        is_age_known=None not in times,
        similar=similar,
        size=sum(sizes) + coming if is_size_known else None,
        largest=max(sizes, default=0),
    )


def _parse_time(text: str | None) -> datetime | None:
    """Return a time that the index says, or nothing if it is none with a zone."""
    try:
        time = datetime.fromisoformat(text or "")
    except (ValueError, TypeError):
        return None
    return time if time.tzinfo is not None else None


def find_closed(project: str, listing: Listing) -> Finding | None:
    """Return the refusal of an upload to a project that upstream has closed."""
    if listing.status not in CLOSED_TO_UPLOADS:
        return None
    message = f"The project {project} is {listing.status} on PyPI and accepts no uploads."
    return Finding("name", message)


def check_project_accepts_uploads(project: str, listing: Listing) -> None:
    """Refuse an upload to a project that upstream has closed."""
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
) -> Outcome:
    """Return what an arriving artifact does to a stage, or raise why it cannot.

    *others*: what the project's live stages hold. PyPI takes no bytes twice,
    whatever their name; *replace*: whether a staged file may be exchanged.
    """
    stage.after(Step.EDIT)
    if not stage.accepts_version(version):
        raise OtherReleaseError(artifact.filename, staged=stage.release)
    held = stage.find_artifact(artifact.filename)
    _check_sdist_is_the_only_one(stage, artifact)
    _check_bytes_are_new(artifact, others)
    if held is None:
        return Outcome.UPLOADED
    if held.sha256 == artifact.sha256:
        return _for_same_bytes(held, artifact, replace=replace)
    if not replace:
        raise _already_exists(artifact)
    return Outcome.REPLACED


def _for_same_bytes(held: Artifact, artifact: Artifact, *, replace: bool) -> Outcome:
    """Compare the forms: with another one it is another release, for PyPI shows what it says."""
    if replace and held.form_sha256 != artifact.form_sha256:
        return Outcome.REPLACED
    return Outcome.UNCHANGED


def _check_sdist_is_the_only_one(stage: Stage, artifact: Artifact) -> None:
    """Refuse a second sdist, which has the same version in another spelling."""
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
