"""Dependencies that are not on an index: direct references in the metadata."""

from collections.abc import Iterator, Mapping

from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.summary import ArchiveSummary
from stageproxy.core.review.supply_chain.pair import Pair

_LONGEST_SHOWN = 200


def reference_findings(pair: Pair) -> Iterator[ReviewFinding]:
    """Yield a finding on each direct reference that the last release did not have."""
    known = {} if pair.before is None else _references(pair.before)
    place = "METADATA" if pair.is_wheel else "PKG-INFO"
    for value, line in _references(pair.after).items():
        if value not in known:
            yield pair.loud(
                "direct-reference",
                f"The release requires a file by its URL: {value[:_LONGEST_SHOWN]}",
                "PyPI refuses such a release, and the file at the URL can change at any time. "
                "Require a release by its name and version instead.",
                f"{place}:{line}",
            )


def _references(summary: ArchiveSummary) -> Mapping[str, int]:
    return {
        " ".join(value.split()): line
        for name, value, line in summary.metadata
        if name.lower() == "requires-dist" and "@" in value and "://" in value
    }
