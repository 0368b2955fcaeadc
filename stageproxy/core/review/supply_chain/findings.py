"""What a reviewer should know of an artifact beside the one of the last release."""

from collections.abc import Callable, Iterator

from stageproxy.core.review.findings import ReviewFinding, gravest_first
from stageproxy.core.review.summary import ArchiveSummary
from stageproxy.core.review.supply_chain.building import build_findings
from stageproxy.core.review.supply_chain.code import code_findings
from stageproxy.core.review.supply_chain.entry_points import entry_point_findings
from stageproxy.core.review.supply_chain.files import file_findings
from stageproxy.core.review.supply_chain.pair import Pair, pair_of
from stageproxy.core.review.supply_chain.references import reference_findings
from stageproxy.core.review.supply_chain.secrets import secret_findings
from stageproxy.core.review.supply_chain.startup import startup_findings
from stageproxy.core.rules.findings import Level

MOST_FINDINGS = 200
"""How many findings an artifact may have."""

_CHECKS: tuple[Callable[[Pair], Iterator[ReviewFinding]], ...] = (
    startup_findings,
    code_findings,
    entry_point_findings,
    build_findings,
    secret_findings,
    reference_findings,
    file_findings,
)


def supply_chain_findings(
    before: ArchiveSummary | None, after: ArchiveSummary
) -> tuple[ReviewFinding, ...]:
    """Return the findings, the gravest first.

    What was there in the last release is no finding. Without a counterpart nothing is known to
    be new: only what is loud wherever it stands is found.
    """
    pair = pair_of(before, after)
    found = gravest_first(one for check in _CHECKS for one in check(pair))
    if len(found) <= MOST_FINDINGS:
        return found
    more = f"There are {len(found) - MOST_FINDINGS} more findings on the files."
    rest = pair.finding(Level.UNKNOWN, "more-findings", more)
    return (*found[:MOST_FINDINGS], rest)
