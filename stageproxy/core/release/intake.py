"""Here is what becomes of an artifact that arrives: taken in, known already, or in conflict."""

from collections.abc import Iterable
from enum import StrEnum

from stageproxy.core.errors import OtherReleaseError, Problem, RefusedError
from stageproxy.core.release.stages import Artifact, ArtifactKind, Stage, Step
from stageproxy.core.release.upstream_state import ONE_SDIST, already_exists
from stageproxy.core.verdict.findings import Finding


class Outcome(StrEnum):
    """What became of an upload."""

    UPLOADED = "uploaded"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


def plan_intake(
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
    _check_bytes_are_new(artifact, others)
    if held is None:
        _check_sdist_is_the_only_one(stage, artifact)
        return Outcome.UPLOADED
    if held.sha256 == artifact.sha256:
        return _for_same_bytes(held, artifact, replace=replace)
    if not replace:
        raise _refused(already_exists(artifact))
    return Outcome.REPLACED


def _for_same_bytes(held: Artifact, artifact: Artifact, *, replace: bool) -> Outcome:
    """Compare the forms: with another one it is another release, for PyPI shows what it says."""
    if replace and held.form_sha256 != artifact.form_sha256:
        return Outcome.REPLACED
    return Outcome.UNCHANGED


def _check_bytes_are_new(artifact: Artifact, others: Iterable[Artifact]) -> None:
    for other in others:
        if other.sha256 == artifact.sha256 and other.filename != artifact.filename:
            staged = f"These bytes are staged as {other.filename!r}."
            raise _refused(already_exists(artifact, staged))


def _check_sdist_is_the_only_one(stage: Stage, artifact: Artifact) -> None:
    kinds = [one.kind for one in stage.artifacts]
    if artifact.kind is ArtifactKind.SDIST and ArtifactKind.SDIST in kinds:
        raise _refused(Finding("content", ONE_SDIST))


def _refused(finding: Finding) -> RefusedError:
    return RefusedError([Problem(finding.source, finding.message)])
