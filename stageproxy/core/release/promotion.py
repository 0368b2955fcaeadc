"""Here is in which order the artifacts of a stage go to PyPI."""

from collections.abc import Iterable

from stageproxy.core.release.stages import Artifact, ArtifactKind


def in_promotion_order(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Return the wheels by filename, then the sdist.

    PyPI takes a release's metadata from the file it gets first, and an sdist
    that comes first makes every installer build from source until the wheels
    are there.
    """
    return sorted(artifacts, key=lambda one: (one.kind is ArtifactKind.SDIST, one.filename))
