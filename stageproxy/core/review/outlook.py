"""What users would get of a release, and what is expected of it: known at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from stageproxy.core.index.pages import Listing
from stageproxy.core.review.completeness import Completeness
from stageproxy.core.review.expectations import completeness_findings, completeness_of
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.impact import Impact
from stageproxy.core.review.impact_findings import impact_findings
from stageproxy.core.review.impacts import impact_of
from stageproxy.core.review.review import Baseline
from stageproxy.core.review.targets import Target
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.stage import Stage


@dataclass(frozen=True, slots=True)
class Outlook:
    """The impact of a release, its completeness, and the findings on both.

    The first two are `None` while the index does not answer.
    """

    impact: Impact | None = None
    completeness: Completeness | None = None
    findings: tuple[ReviewFinding, ...] = ()


def outlook_of(
    stage: Stage,
    listing: Listing | None,
    baseline: Baseline | None,
    targets: Sequence[Target],
    expects: Sequence[str],
) -> Outlook:
    """Return what users would get of a stage beside the files that the index lists."""
    version, ordered = stage.version, in_promotion_order(stage.artifacts)
    if version is None or listing is None or not ordered:
        return Outlook()
    impact = impact_of(stage.artifacts, listing, version, targets)
    completeness = completeness_of(
        [one.filename for one in ordered],
        baseline.files if baseline else (),
        expects,
        ordered[0].requires_python,
    )
    found = (*impact_findings(impact, stage.release), *completeness_findings(completeness))
    return Outlook(impact, completeness, found)
