"""What a review says at once, from the stage and the index's page alone. Each thing once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from packaging.version import Version

from stageproxy.core.index.pages import Listing
from stageproxy.core.index.releases import releases_in
from stageproxy.core.review.baseline import choose_baseline
from stageproxy.core.review.completeness import Completeness
from stageproxy.core.review.expectations import (
    SDIST,
    cell_name,
    completeness_findings,
    completeness_of,
)
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.impact.findings import impact_findings, worse_rows
from stageproxy.core.review.impact.impact import Change, Impact
from stageproxy.core.review.impact.impacts import impact_of
from stageproxy.core.review.impact.targets import Target
from stageproxy.core.review.review import Baseline
from stageproxy.core.stage.order import in_promotion_order
from stageproxy.core.stage.release_findings import (
    regressions_of,
    requires_python_of,
    staged_file,
)
from stageproxy.core.stage.stage import Stage
from stageproxy.core.stage.wheel_coverage import ANY, Regression

_LOSSES = frozenset({Change.SOURCE_BUILD, Change.LOSES_WHEEL, Change.STAYS})


@dataclass(frozen=True, slots=True)
class FirstStep:
    """The parts of a review that need no archive. *findings* are those of the verdict, too."""

    baseline: Baseline | None
    impact: Impact
    completeness: Completeness
    findings: tuple[ReviewFinding, ...]


def first_step(
    stage: Stage,
    listing: Listing,
    verdict: Sequence[ReviewFinding],
    *,
    targets: Sequence[Target],
    expects: Iterable[str] = (),
) -> FirstStep:
    """Return what is known at once of a *stage* that has a version.

    *verdict* are the findings of the verdict, and *expects* the files that the project's
    settings expect; those that the stage was opened with count instead, if there are any.
    """
    version = stage.version or ""
    files = [staged_file(one, ()) for one in in_promotion_order(stage.artifacts)]
    baseline = choose_baseline(version, listing)
    impact = impact_of(stage.artifacts, listing, version, targets)
    completeness = completeness_of(
        _filenames(stage, listing),
        baseline.files if baseline else (),
        stage.expects or expects,
        requires_python_of(files),
    )
    found = impact_findings(impact, stage.release)
    lost = regressions_of(files, listing)
    unsaid = _unsaid(completeness, impact, lost)
    missing = completeness_findings(completeness, baseline=baseline, unsaid=unsaid)
    kept = without_repeats(verdict, impact, lost)
    return FirstStep(baseline, impact, completeness, (*kept, *found, *missing))


def _filenames(stage: Stage, listing: Listing) -> list[str]:
    """Return the files that the release will have: those of the stage, and published ones."""
    own = (one for one in releases_in(listing) if one.version == Version(stage.version or "0"))
    published = [name for one in own for name in one.filenames]
    return list(dict.fromkeys([*(one.filename for one in stage.artifacts), *published]))


def without_repeats(
    verdict: Iterable[ReviewFinding], impact: Impact, lost: Iterable[Regression]
) -> list[ReviewFinding]:
    """Return the findings of the verdict that those on the impact do not repeat.

    They stay in the verdict itself, whose warnings are acknowledged. What concerns a
    platform that is no target is said by the verdict alone.
    """
    repeated = {one.sentence for one in lost if _is_in_impact(one, impact)}
    return [one for one in verdict if one.message not in repeated]


def _is_in_impact(lost: Regression, impact: Impact) -> bool:
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
