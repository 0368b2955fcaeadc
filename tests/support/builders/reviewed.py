"""Artifacts of two releases, read as a review reads them."""

import io
from collections.abc import Mapping

from stageproxy.core.review.contents.comparison import Reading, read_both
from stageproxy.core.review.contents.examination import Analyses
from stageproxy.core.review.findings import ReviewFinding
from stageproxy.core.review.supply_chain.supply_chain_findings import supply_chain_findings
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist

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
    """Return the supply-chain findings on an artifact beside its counterpart."""
    reading = read_pair(after, before)
    return supply_chain_findings(reading.before, reading.after)


def wheel_with(
    modules: Mapping[str, str] | None = None, version: str = "1.1", **extra: bytes
) -> Distribution:
    """Return a wheel with the plain modules and others; *extra* has `/` as `__`."""
    return a_wheel(version=version, modules={**PLAIN, **(modules or {})}, extra=extra)


def sdist_with(files: Mapping[str, str], version: str = "1.1") -> Distribution:
    """Return an sdist with the plain modules and other files."""
    return an_sdist(version=version, modules={**PLAIN, **files})
