"""Artifacts of two releases, read as a review reads them."""

import io
from collections.abc import Mapping

from stageproxy.core.review.artifact_reading import read_artifact
from stageproxy.core.review.contents.comparison import Reading, read_both
from stageproxy.core.review.contents.examination import Analyses
from stageproxy.core.review.delta.delta import Against, Delta
from stageproxy.core.review.delta.deltas import merge_delta
from stageproxy.core.review.delta.findings import delta_findings
from stageproxy.core.review.findings import ReviewFinding, Section
from tests.support.builders.distributions import Distribution

PLAIN: Mapping[str, str] = {"demo/__init__.py": "", "demo/core.py": "def main():\n    return 1\n"}
"""The modules of a release that does nothing."""


def read_pair(after: Distribution, before: Distribution | None = None) -> Reading:
    """Return two artifacts with everything that a review reads of them."""
    pair = [
        None if one is None else (io.BytesIO(one.content), one.filename) for one in (after, before)
    ]
    assert pair[0] is not None
    reading = read_both(pair[0], pair[1])
    reading.examine(Analyses())
    return reading


def findings_on(
    after: Distribution, before: Distribution | None = None
) -> tuple[ReviewFinding, ...]:
    """Return the findings on the contents of an artifact beside its counterpart."""
    opened = [
        None if one is None else (io.BytesIO(one.content), one.filename) for one in (after, before)
    ]
    assert opened[0] is not None
    *_, review = read_artifact(opened[0], opened[1], Analyses())
    delta = merge_delta(Delta(Against.RELEASE, "1.0", "demo 1.0"), [review])
    found = [one for one in review.findings if one.section is Section.SUPPLY_CHAIN]
    return (*found, *delta_findings(delta))
