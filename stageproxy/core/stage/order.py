"""The order in which the artifacts of a stage are published: the wheels, then the sdist."""

from collections.abc import Iterable

from stageproxy.core.stage.stage import Artifact, ArtifactKind


def in_promotion_order(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Return the wheels by filename, then the sdist.

    PyPI takes a release's metadata from the file it gets first, and an sdist
    that comes first makes every installer build from source until the wheels
    are there.
    """
    return sorted(
        artifacts,
        key=lambda one: place_in_promotion(one.filename, is_sdist=one.kind is ArtifactKind.SDIST),
    )


def place_in_promotion(filename: str, *, is_sdist: bool) -> tuple[bool, str]:
    """Return the key that sorts the files of one release into this order."""
    return is_sdist, filename
