"""What was tried of a stage, as a table of platforms by Pythons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stageproxy.core.review.evidence import Evidence
from stageproxy.core.review.review import Review
from stageproxy.web.preview.views.matrix import platform_name


@dataclass(frozen=True, slots=True)
class Try:
    """One try as people read it: who, and whether it was of the files that are staged now."""

    evidence: Evidence
    by: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class TryTable:
    """The tries of the present files, the latest of each Python and platform; then all tries."""

    pythons: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Try | None, ...]], ...]
    tries: tuple[Try, ...]


def try_table(review: Review, names: Mapping[str, str]) -> TryTable:
    """Return the tries of a stage. *names*: labels of those who reported them, by id."""
    tries = [
        Try(one, names.get(one.by, one.by), one.manifest_digest == review.manifest_digest)
        for one in sorted(review.evidence, key=lambda one: one.at, reverse=True)
    ]
    latest = _latest([one for one in tries if one.is_current])
    pythons = sorted({python for _, python in latest}, key=_number)
    platforms = sorted({platform for platform, _ in latest})
    rows = tuple(
        (platform_name(platform), tuple(latest.get((platform, python)) for python in pythons))
        for platform in platforms
    )
    return TryTable(tuple(pythons), rows, tuple(tries))


def _latest(tries: Sequence[Try]) -> Mapping[tuple[str, str], Try]:
    """Return the first of the *tries*, of which the latest come first, for each place."""
    found: dict[tuple[str, str], Try] = {}
    for one in tries:
        found.setdefault((one.evidence.platform, _python(one.evidence)), one)
    return found


def _python(evidence: Evidence) -> str:
    minor = ".".join(evidence.python.split(".")[:2])
    is_cpython = evidence.implementation.lower() in {"cp", "cpython", ""}
    return minor if is_cpython else f"{evidence.implementation} {minor}"


def _number(label: str) -> tuple[str, tuple[int, ...]]:
    name, _, number = label.rpartition(" ")
    return name, tuple(int(part) for part in number.split(".") if part.isdigit())
