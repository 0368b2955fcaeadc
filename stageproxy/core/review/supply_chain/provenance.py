"""Provenance: whether the files of a release lose what those of the last one had."""

from collections.abc import Iterator, Sequence

from stageproxy.core.index.pages import ListedFile
from stageproxy.core.review.findings import ReviewFinding, Section
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Artifact


def provenance_findings(
    artifacts: Sequence[Artifact], published: Sequence[ListedFile], baseline: str
) -> Iterator[ReviewFinding]:
    """Yield the finding on staged files without attestations, if the last release had them.

    *published* are the files of the *baseline*: `demo 1.0`. Attestations that were uploaded
    with a file count as provenance.
    """
    without = tuple(one.filename for one in artifacts if not one.attestations)
    if not published or not without:
        return
    if all(one.provenance is None for one in published):
        yield ReviewFinding(
            Section.SUPPLY_CHAIN,
            Level.UNKNOWN,
            "provenance-not-known",
            f"Whether the files of {baseline} have provenance is not known: the index does not "
            "say it.",
        )
    elif all(one.provenance for one in published):
        yield ReviewFinding(
            Section.SUPPLY_CHAIN,
            Level.WARN,
            "provenance-lost",
            f"All files of {baseline} have provenance, and these have no attestations.",
            "Build and upload them where the last release was built, with attestations.",
            without,
        )
