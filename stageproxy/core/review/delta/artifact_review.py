"""The review of one artifact beside its counterpart: what a child process answers."""

from dataclasses import dataclass

from stageproxy.core.review.delta.delta import (
    ArtifactDelta,
    CapabilityDelta,
    FieldDelta,
    NameDelta,
    RequirementDelta,
)
from stageproxy.core.review.findings import ReviewFinding


@dataclass(frozen=True, slots=True)
class ArtifactReview:
    """What one artifact changes, and what a reviewer should know of it.

    Everything is bounded, in number and in length. If the artifact or its counterpart could not
    be read, `delta.not_compared` is why.
    """

    delta: ArtifactDelta
    fields: tuple[FieldDelta, ...] = ()
    requirements: tuple[RequirementDelta, ...] = ()
    names: tuple[NameDelta, ...] = ()
    capabilities: tuple[CapabilityDelta, ...] = ()
    findings: tuple[ReviewFinding, ...] = ()
