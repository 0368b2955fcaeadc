"""Expiry of stages, and deletion of files that no stage needs."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.care.sweep import SweepPlan, plan_sweep
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import stage_event
from stageproxy.ports import ArtifactFiles, Clock
from stageproxy.services.access import require
from stageproxy.services.live_stages import end_expired

log = logging.getLogger(__name__)

_MIN_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many stages and files a sweep has deleted."""

    stages: int
    files: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """Ends expired stages, and deletes what has not been needed for an hour."""

    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    retention: timedelta

    async def sweep(self) -> Swept:
        """Sweep, and return how much was deleted."""
        plan = await self.carry_out()
        return Swept(len(plan.forgotten), len(plan.files))

    async def sweep_for(self, token: ApiToken, *, dry_run: bool) -> SweepPlan:
        """Sweep, or only plan a sweep, for an admin token. Return what is done."""
        require(token, Action.SWEEP, None)
        return await (self.plan() if dry_run else self.carry_out())

    async def plan(self) -> SweepPlan:
        """Return what a sweep would do now."""
        now = self.clock.now()
        return await self.catalogue.read(lambda rows: self._plan(rows, now))

    async def carry_out(self) -> SweepPlan:
        """End expired stages, delete those whose retention time is over, and unused files.

        All of it is one transaction, which excludes uploads: no file is deleted
        that an upload is about to name. Then the last record of the audit trail
        is logged: without it, a truncated trail would look complete.
        """
        now = self.clock.now()
        plan = await self.catalogue.write(lambda rows: self._sweep(rows, now))
        if plan.forgotten or plan.files:
            log.info(
                "cleanup: deleted %d ended stages and %d unused files, %d bytes",
                len(plan.forgotten),
                len(plan.files),
                plan.size,
            )
        head = await self.catalogue.read(lambda rows: rows.audit.head())
        log.info("audit: the head is record %d, %s", head.number, head.digest)
        return plan

    def _plan(self, rows: Rows, now: datetime) -> SweepPlan:
        since = now - _MIN_AGE
        return plan_sweep(
            rows.stages.list(),
            now,
            self.retention,
            unused=rows.files.list_unused(since=since),
            orphans=self.files.list_orphans(rows.files.digests(), since),
        )

    def _sweep(self, rows: Rows, now: datetime) -> SweepPlan:
        plan = self._plan(rows, now)
        end_expired(rows, None, now)
        for stage in plan.forgotten:
            rows.stages.remove(stage.id)
            rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
        for digest in rows.files.remove_unused(now, since=now - _MIN_AGE):
            self.files.remove(digest)
        for orphan in plan.orphans:
            self.files.remove_orphan(orphan)
        return plan
