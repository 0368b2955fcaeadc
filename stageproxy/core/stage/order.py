"""The order in which the artifacts of a stage are published."""

from collections.abc import Iterable

from stageproxy.core.stage.stage import Artifact, ArtifactKind


def in_promotion_order(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Return the wheels by filename, then the sdist.

    PyPI shows the metadata of the first file for the release. If the sdist were
    first, installers would build from source until the wheels are published.
    """
    return sorted(
        artifacts,
        key=lambda one: place_in_promotion(one.filename, is_sdist=one.kind is ArtifactKind.SDIST),
    )


def place_in_promotion(filename: str, *, is_sdist: bool) -> tuple[bool, str]:
    """Return the sort key of a file of a release."""
    return is_sdist, filename
