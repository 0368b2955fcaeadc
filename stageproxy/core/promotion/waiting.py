"""What waits for somebody who may publish: which stages, and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.rules.findings import Level
from stageproxy.core.stage.stage import Stage, Status

SOON = timedelta(days=1)
"""How long before its end a stage is said to expire soon."""
_GRAVE = frozenset({Level.REFUSE, Level.WARN})


class Waiting(StrEnum):
    """The reasons for which a stage waits for somebody, the most urgent first."""

    HALF_PUBLISHED = "half-published"
    STOPPED = "stopped"
    EXPIRES_SOON = "expires-soon"
    FINDINGS = "findings"
    READY = "ready"


def waiting_for(
    token: ApiToken, stages: Iterable[Stage], now: datetime
) -> Mapping[Waiting, Sequence[Stage]]:
    """Return the stages that wait for the holder of a token, each under its most urgent reason."""
    found: dict[Waiting, list[Stage]] = {reason: [] for reason in Waiting}
    for stage in stages:
        reason = _why(stage, now)
        if reason and token.permits(Action.PROMOTE, stage.project, stage.version):
            found[reason].append(stage)
    return {reason: listed for reason, listed in found.items() if listed}


def _why(stage: Stage, now: datetime) -> Waiting | None:
    if stage.status is Status.ERROR:
        return Waiting.HALF_PUBLISHED if stage.sent else Waiting.STOPPED
    if stage.status is not Status.OPEN or not stage.artifacts:
        return None
    if stage.expires_at - now <= SOON:
        return Waiting.EXPIRES_SOON
    if has_grave_findings(stage):
        return Waiting.FINDINGS
    return None if stage.uploads else Waiting.READY


def has_grave_findings(stage: Stage) -> bool:
    """Return whether any file of a stage came with a finding to look at."""
    return any(one.level in _GRAVE for artifact in stage.artifacts for one in artifact.findings)
