"""The findings of the verdict as findings of a review."""

from collections.abc import Mapping

from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import RELEASE, Finding, FindingsByFile, Level, in_order

_ADVICE: Mapping[Level, str] = {
    Level.REFUSE: "Build the file again without this and upload it, or withdraw it.",
    Level.WARN: "Upload a corrected file, or acknowledge it when you publish.",
    Level.NOTE: "",
    Level.UNKNOWN: "",
}


def verdict_findings(findings: FindingsByFile) -> tuple[ReviewFinding, ...]:
    """Return the findings on a stage, the same one on several files once."""
    files: dict[Finding, list[str]] = {}
    for filename, finding in in_order(findings):
        named = files.setdefault(finding, [])
        if filename != RELEASE:
            named.append(filename)
    return tuple(_review_finding(one, tuple(named)) for one, named in files.items())


def _review_finding(finding: Finding, files: tuple[str, ...]) -> ReviewFinding:
    return ReviewFinding(
        Section.VERDICT,
        finding.level,
        finding.source,
        finding.message,
        _ADVICE[finding.level],
        files,
    )
