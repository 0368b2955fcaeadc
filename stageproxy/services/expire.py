"""Expiry of stages, and deletion of files that no stage needs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.care.sweep import SweepPlan, UnneededFile, plan_sweep
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
        now = self.clock.earliest()
        return await self.catalogue.read(
            lambda rows: self._plan(rows, now, self._list_orphans(rows, now))
        )

    async def carry_out(self) -> SweepPlan:
        """End expired stages, delete those whose retention time is over, and unused files.

        Rows go before their files: a file whose row could not be deleted is still there.
        Files are deleted within transactions, which exclude uploads: no file is
        deleted that an upload is about to name. Stray files are first, because that
        needs no room on a full disk. At the end the last record of the audit trail is
        logged: without it, a truncated trail would look complete. After a jump of the
        clock, only what is due by both times is swept.
        """
        now = self.clock.earliest()
        orphans = await self.catalogue.write(lambda rows: self._remove_orphans(rows, now))
        plan, digests = await self.catalogue.write(
            lambda rows: self._remove_rows(rows, now, orphans)
        )
        await self.catalogue.write(lambda rows: self._remove_files(rows, digests))
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

    def _plan(self, rows: Rows, now: datetime, orphans: Sequence[UnneededFile]) -> SweepPlan:
        return plan_sweep(
            rows.stages.list(),
            now,
            self.retention,
            unused=rows.files.list_unused(since=now - _MIN_AGE),
            orphans=orphans,
        )

    def _list_orphans(self, rows: Rows, now: datetime) -> Sequence[UnneededFile]:
        return self.files.list_orphans(rows.files.digests(), now - _MIN_AGE)

    def _remove_orphans(self, rows: Rows, now: datetime) -> Sequence[UnneededFile]:
        orphans = self._list_orphans(rows, now)
        for orphan in orphans:
            self.files.remove_orphan(orphan)
        return orphans

    def _remove_rows(
        self, rows: Rows, now: datetime, orphans: Sequence[UnneededFile]
    ) -> tuple[SweepPlan, Sequence[str]]:
        """Return what the sweep does, and the digests of files that nothing needs any more."""
        plan = self._plan(rows, now, orphans)
        end_expired(rows, None, now)
        for stage in plan.forgotten:
            rows.stages.remove(stage.id)
            rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
        return plan, rows.files.remove_unused(now, since=now - _MIN_AGE)

    def _remove_files(self, rows: Rows, digests: Sequence[str]) -> None:
        """Delete files, unless one was uploaded again meanwhile."""
        named = rows.files.digests() if digests else frozenset()
        for digest in digests:
            if digest not in named:
                self.files.remove(digest)
