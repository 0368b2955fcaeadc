"""The findings on resolutions."""

from collections.abc import Mapping, Sequence

from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.review.resolving.resolution import Outcome, Resolution
from stageproxy.core.rules.findings import Level

_LEVELS: Mapping[Outcome, Level] = {
    Outcome.CONFLICT: Level.WARN,
    Outcome.UNKNOWN: Level.UNKNOWN,
}
_CODES: Mapping[Outcome, str] = {
    Outcome.CONFLICT: "cannot-be-installed",
    Outcome.UNKNOWN: "not-resolved",
}
_ADVICE: Mapping[Outcome, str] = {
    Outcome.CONFLICT: "Loosen a requirement, or wait for a release that meets it.",
    Outcome.UNKNOWN: "Try it: `stageproxy try STAGE`.",
}


def resolution_findings(resolutions: Sequence[Resolution], release: str) -> list[ReviewFinding]:
    """Return the findings on what cannot be installed, the same for several Pythons once."""
    pythons: dict[tuple[Outcome, str], list[str]] = {}
    for one in resolutions:
        if one.outcome is not Outcome.RESOLVED:
            reason = one.reason.replace(f"Python {one.python} on Linux", "it")
            pythons.setdefault((one.outcome, reason), []).append(one.python)
    return [_finding(release, *kind, named) for kind, named in pythons.items()]


def _finding(release: str, outcome: Outcome, reason: str, pythons: Sequence[str]) -> ReviewFinding:
    named = ", ".join(pythons)
    message = (
        f"{release} cannot be installed today with Python {named} on Linux: {reason}"
        if outcome is Outcome.CONFLICT
        else f"Whether {release} can be installed with Python {named} is not known: {reason}"
    )
    return ReviewFinding(
        Section.RESOLUTION, _LEVELS[outcome], _CODES[outcome], message, _ADVICE[outcome]
    )
