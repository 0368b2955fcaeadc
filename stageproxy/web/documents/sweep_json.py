"""A sweep as JSON, for the API and for the command that sweeps a stopped server's directory."""

from typing import Any

from stageproxy.core.care.sweep import SweepPlan
from stageproxy.core.stage.stage import Stage


def sweep_json(plan: SweepPlan, *, dry_run: bool) -> dict[str, Any]:
    """Return what a sweep has done, or would do."""
    reasons = (("unused", plan.unused), ("orphan", plan.orphans))
    return {
        "dry-run": dry_run,
        "expired": [_stage_json(one) for one in plan.expired],
        "uploads": list(plan.uploads),
        "forgotten": [_stage_json(one) for one in plan.forgotten],
        "files": [
            {"name": one.name, "size": one.size, "reason": reason}
            for reason, files in reasons
            for one in files
        ],
        "bytes": plan.size,
    }


def _stage_json(stage: Stage) -> dict[str, Any]:
    return {"id": stage.id, "project": stage.project, "version": stage.version}
