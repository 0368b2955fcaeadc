"""What users would get of a release, and what is expected of it: known at once, and said once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from stageproxy.core.index.pages import Listing
from stageproxy.core.review.completeness import Completeness
from stageproxy.core.review.expectations import (
    SDIST,
    cell_name,
    completeness_findings,
    completeness_of,
)
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.impact import Change, Impact
from stageproxy.core.review.impact_findings import impact_findings, worse_rows
from stageproxy.core.review.impacts import impact_of
from stageproxy.core.review.review import Baseline
from stageproxy.core.review.targets import Target
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.release_findings import (
    ExaminedFile,
    regressions_of,
    requires_python_of,
    staged_file,
)
from stageproxy.core.stage.stage import Stage
from stageproxy.core.stage.wheel_coverage import ANY, Regression

_LOSSES = frozenset({Change.SOURCE_BUILD, Change.LOSES_WHEEL, Change.STAYS})


@dataclass(frozen=True, slots=True)
class Outlook:
    """The impact of a release, its completeness, and the findings on both.

    The first two are `None` while the index does not answer. `repeated` are the sentences of
    the verdict that say the same as findings on the impact.
    """

    impact: Impact | None = None
    completeness: Completeness | None = None
    findings: tuple[ReviewFinding, ...] = ()
    repeated: frozenset[str] = frozenset()

    def beside(self, verdict: Iterable[ReviewFinding]) -> list[ReviewFinding]:
        """Return its findings, and those of the *verdict* that they do not repeat.

        The verdict itself has them all: its warnings are acknowledged. What concerns a platform
        that is no target is said by the verdict alone.
        """
        return [*(one for one in verdict if one.message not in self.repeated), *self.findings]


def outlook_of(
    stage: Stage,
    listing: Listing | None,
    baseline: Baseline | None,
    targets: Sequence[Target],
    expects: Sequence[str],
) -> Outlook:
    """Return what users would get of a stage beside the files that the index lists."""
    version, files = stage.version, _examined(stage)
    if version is None or listing is None or not files:
        return Outlook()
    impact = impact_of(stage.artifacts, listing, version, targets)
    completeness = completeness_of(
        _filenames(stage, listing, version),
        baseline.files if baseline else (),
        expects,
        requires_python_of(files),
    )
    lost = regressions_of(files, listing)
    unsaid = _unsaid(completeness, impact, lost)
    missing = completeness_findings(completeness, baseline=baseline, unsaid=unsaid)
    repeated = frozenset(one.sentence for one in lost if _is_in_impact(one, impact))
    found = (*impact_findings(impact, stage.release), *missing)
    return Outlook(impact, completeness, found, repeated)


def _examined(stage: Stage) -> Sequence[ExaminedFile]:
    return [staged_file(one, ()) for one in in_promotion_order(stage.artifacts)]


def _filenames(stage: Stage, listing: Listing, version: str) -> list[str]:
    """Return the files that the release will have: those of the stage, and published ones."""
    published = (one.filename for one in listing.files_of(version))
    return list(dict.fromkeys([*(one.filename for one in stage.artifacts), *published]))


def _is_in_impact(lost: Regression, impact: Impact) -> bool:
    """Return whether the findings on the impact name all that is lost."""
    changes = {Change.NEW_FLOOR} if lost.is_floor else _LOSSES
    worse = {str(row.target) for row in worse_rows(impact) if row.change in changes}
    if _is_everywhere(lost):
        return bool(worse)
    return bool(lost.served) and {cell_name(one) for one in lost.served} <= worse


def _is_everywhere(lost: Regression) -> bool:
    return any(platform == ANY for _, platform in lost.served)


def _unsaid(
    completeness: Completeness, impact: Impact, lost: Sequence[Regression]
) -> Collection[str]:
    """Return what is missing, as patterns, and not said on the impact or by the verdict."""
    said = {str(row.target) for row in worse_rows(impact)}
    said |= {cell_name(cell) for one in lost for cell in one.served}
    said |= {SDIST for one in lost if not one.served}
    missing = {one.pattern for one in completeness.expectations if not one.is_met}
    return {SDIST} & missing - said if any(map(_is_everywhere, lost)) else missing - said
