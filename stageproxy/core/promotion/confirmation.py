"""What the index lists of a stage's files, and whether that is the whole release."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact

_AGAIN = "Report the end again in a moment; until then the stage is not published."


@dataclass(frozen=True, slots=True)
class IndexFile:
    """What the index shows of a file: its SHA-256, if it says so, and where it is."""

    sha256: str | None
    url: str


def check_is_listed(artifacts: Iterable[Artifact], seen: Mapping[str, IndexFile]) -> None:
    """Raise unless the index shows every artifact, and none of them with other bytes.

    A file that is shown without a hash passes: only its bytes can tell.
    """
    ordered = in_promotion_order(artifacts)
    shown = [(one, seen[one.filename]) for one in ordered if one.filename in seen]
    if others := [other_bytes(one, it) for one, it in shown if is_other(one, it)]:
        raise ConflictError(" ".join(others))
    if missing := [one.filename for one in ordered if one.filename not in seen]:
        raise UpstreamUnavailableError(
            f"The index does not list {', '.join(missing)} yet. {_AGAIN}"
        )


def unreadable_index(error: Exception) -> UpstreamUnavailableError:
    """Return the failure to see what the index shows."""
    return UpstreamUnavailableError(f"Could not verify the release on the index: {error} {_AGAIN}")


def is_other(artifact: Artifact, shown: IndexFile | None) -> bool:
    """Say whether the index shows other bytes under the artifact's name."""
    return shown is not None and shown.sha256 not in {None, artifact.sha256}


def other_bytes(artifact: Artifact, shown: IndexFile) -> str:
    """Return the sentence on other bytes that the index shows under the artifact's name."""
    return (
        f"{artifact.filename} is already on the index with other bytes: sha256 {shown.sha256}, "
        f"but {artifact.sha256} is staged. A filename cannot be used twice."
    )
