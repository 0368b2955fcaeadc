"""Here is what an index says of the artifacts of a stage."""

from datetime import UTC, datetime

from stageproxy.core.index.pages import StagedFile
from stageproxy.core.release.promotion import in_promotion_order
from stageproxy.core.release.stages import Artifact, Stage


def staged_files(stage: Stage, root: str) -> list[StagedFile]:
    """Return the artifacts as links of a page; *root* leads from the page to the stage's root.

    PyPI takes what a release requires of Python from the file it gets first,
    and shows it with all of them.
    """
    first = next(iter(in_promotion_order(stage.artifacts)), None)
    return [
        StagedFile(
            filename=artifact.filename,
            version=str(stage.version),
            link=root + artifact.path,
            sha256=artifact.sha256,
            size=artifact.size,
            upload_time=rfc3339(artifact.uploaded_at),
            requires_python=first.requires_python if first else None,
            yanked=None,
            core_metadata_sha256=artifact.core_metadata_sha256,
        )
        for artifact in stage.artifacts
    ]


def rfc3339(moment: datetime) -> str:
    """Return a time as indexes write it: UTC, microseconds, `Z` (PEP 700)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def artifact_at(stage: Stage, blake2b_256: str, filename: str) -> Artifact | None:
    """Return the artifact of the stage that is served under a digest and a name."""
    found = stage.find_artifact(filename)
    return found if found and found.blake2b_256 == blake2b_256 else None
