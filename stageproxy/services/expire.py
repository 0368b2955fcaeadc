"""Expiry of stages, and deletion of files that no stage needs."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, product
from string import hexdigits

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.care.sweep import SweepPlan, joined, plan_sweep
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import stage_event
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import ArtifactFiles, Clock
from stageproxy.services.access import require
from stageproxy.services.live_stages import end_if_expired, get_stage

log = logging.getLogger(__name__)

_MIN_AGE = timedelta(hours=1)
_STEP = 200
"""How many stages or files one transaction treats, which then takes some milliseconds."""
_ALL = 2**31


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

        Many short transactions, so that uploads never wait long. Rows go before their files:
        a file whose row could not be deleted is still there. Files are deleted within
        transactions, which exclude uploads: no file is deleted that an upload is about to
        name. Stray files are first, because that needs no room on a full disk. At the end the
        last record of the audit trail is logged: without it, a truncated trail would look
        complete.
        """
        now = self.clock.now()
        totals = await self.catalogue.read(lambda rows: rows.totals())
        prefixes = _prefixes(totals.files)
        steps = [await self._remove_orphans(prefix, now) for prefix in prefixes]
        steps += [step async for step in self._end_stages(now)]
        steps += [await self._remove_unused(prefix, now) for prefix in prefixes]
        plan = joined(steps)
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
            _concerned(rows, now, self.retention, _ALL),
            now,
            self.retention,
            unused=rows.files.list_unused(since=since),
            orphans=self.files.list_orphans(rows.files.digests(), since),
        )

    async def _remove_orphans(self, prefix: str, now: datetime) -> SweepPlan:
        def work(rows: Rows) -> SweepPlan:
            known = rows.files.digests(prefix)
            orphans = self.files.list_orphans(known, now - _MIN_AGE, prefix)
            for orphan in orphans:
                self.files.remove_orphan(orphan)
            return SweepPlan(orphans=orphans)

        return await self.catalogue.write(work)

    async def _end_stages(self, now: datetime) -> AsyncIterator[SweepPlan]:
        """End and forget stages, and yield what was done, some of them at a time."""

        def work(rows: Rows) -> SweepPlan | None:
            stages = _concerned(rows, now, self.retention, _STEP)
            plan = plan_sweep(stages, now, self.retention)
            for stage in stages:
                end_if_expired(rows, stage, now)
            for stage in plan.forgotten:
                rows.stages.remove(stage.id)
                rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
            return plan if stages else None

        while plan := await self.catalogue.write(work):
            yield plan

    async def _remove_unused(self, prefix: str, now: datetime) -> SweepPlan:
        """Remove the rows of files first, and the files in a transaction after that."""

        def work(rows: Rows) -> SweepPlan:
            since = now - _MIN_AGE
            unused = rows.files.list_unused(since=since, prefix=prefix)
            rows.files.remove_unused(now, since=since, prefix=prefix)
            return SweepPlan(unused=unused)

        plan = await self.catalogue.write(work)
        if plan.unused:
            await self.catalogue.write(lambda rows: self._remove_files(rows, plan, prefix))
        return plan

    def _remove_files(self, rows: Rows, plan: SweepPlan, prefix: str) -> None:
        """Delete files, unless one was uploaded again meanwhile."""
        named = rows.files.digests(prefix)
        for one in plan.unused:
            if one.name not in named:
                self.files.remove(one.name)


def _concerned(rows: Rows, now: datetime, retention: timedelta, limit: int) -> Sequence[Stage]:
    """Return stages that end, are to be forgotten, or have file uploads that expire."""
    uploads = rows.file_uploads.list_expired(now, limit)
    found = [
        *rows.stages.list_expired(now, limit),
        *rows.stages.list_ended(now - retention, limit),
        *(get_stage(rows, stage_id) for stage_id in dict.fromkeys(one for one, _ in uploads)),
    ]
    return list({one.id: one for one in found}.values())


def _prefixes(files: int) -> Sequence[str]:
    """Return prefixes of digests that divide a number of files into small parts."""
    length = next(one for one in count() if files <= _STEP * 16**one)
    return ["".join(digits) for digits in product(hexdigits[:16], repeat=length)]
