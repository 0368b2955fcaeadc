"""Comparison of a stage's artifacts with the files that the index lists."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Artifact

_AGAIN = "Report the end again in a moment; until then the stage is not published."


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that the index lists: its SHA-256, if the page has one, and its URL."""

    sha256: str | None
    url: str


def check_is_listed(artifacts: Iterable[Artifact], listed: Mapping[str, IndexFile]) -> None:
    """Raise unless the index lists every artifact, and none with other bytes.

    A file that is listed without a hash passes; the caller has to compare its bytes.
    """
    ordered = in_promotion_order(artifacts)
    pairs = [(one, listed[one.filename]) for one in ordered if one.filename in listed]
    if others := [other_bytes_message(one, it) for one, it in pairs if has_other_bytes(one, it)]:
        raise ConflictError(" ".join(others))
    if missing := [one.filename for one in ordered if one.filename not in listed]:
        raise UpstreamUnavailableError(
            f"The index does not list {', '.join(missing)} yet. {_AGAIN}"
        )


def looked_up(
    artifacts: Iterable[Artifact], journal: Journal, listed: Mapping[str, IndexFile], now: datetime
) -> list[Entry]:
    """Return the entries of a journal that change when the index is read once more.

    A file in doubt is confirmed if the index lists it with our bytes. If it lists other
    bytes under its name, the file is refused, unless the index has accepted it.
    """
    doubtful = [
        (has_other_bytes(one, listed[one.filename]), journal[one.filename], listed[one.filename])
        for one in artifacts
        if one.filename in listed and journal[one.filename].is_in_doubt
    ]
    return [
        entry.refused_in_doubt(now).settled() if is_other else entry.confirmed(file.url, now)
        for is_other, entry, file in doubtful
        if not (is_other and entry.progress is Progress.SENT)
    ]


def unverifiable_release(error: Exception) -> UpstreamUnavailableError:
    """Return the error of an index that cannot be read."""
    return UpstreamUnavailableError(f"Could not verify the release on the index: {error} {_AGAIN}")


def has_other_bytes(artifact: Artifact, listed: IndexFile | None) -> bool:
    """Return whether the index lists the artifact's filename with other bytes."""
    return listed is not None and listed.sha256 not in {None, artifact.sha256}


def other_bytes_message(artifact: Artifact, listed: IndexFile) -> str:
    """Return the sentence on a filename that the index lists with other bytes."""
    return (
        f"{artifact.filename} is already on the index with other bytes: sha256 {listed.sha256}, "
        f"but {artifact.sha256} is staged. A filename cannot be used twice."
    )


def swapped_message(artifact: Artifact, listed: IndexFile) -> str:
    """Return the sentence on a file that the index accepted and lists with other bytes."""
    return (
        f"{artifact.filename} was accepted by the index, which lists it with other bytes: sha256 "
        f"{listed.sha256}, but {artifact.sha256} was sent. Find out who replaced it there."
    )
