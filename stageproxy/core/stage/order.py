"""The order in which the artifacts of a stage are published."""

from collections.abc import Collection, Iterable

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


def promotion_waves(
    artifacts: Iterable[Artifact], published: Collection[str] = ()
) -> list[list[Artifact]]:
    """Return what a promotion sends, in waves: one file alone, the other wheels, the sdist.

    Each wave begins when the one before is published. Filenames that are *published* are done.
    """
    ordered = in_promotion_order(artifacts)
    is_begun = any(one.filename in published for one in ordered)
    first = [] if is_begun else ordered[:1]
    others = [one for one in ordered if one.filename not in published and one not in first]
    wheels = [one for one in others if one.kind is ArtifactKind.WHEEL]
    sdists = [one for one in others if one.kind is ArtifactKind.SDIST]
    return [wave for wave in (first, wheels, sdists) if wave]
