"""Expiry of stages, and deletion of files that no stage needs."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.stage.events import stage_event
from stageproxy.ports import ArtifactFiles, Clock
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
        """End expired stages, delete those whose retention time is over, and unused files.

        All of it is one transaction, which excludes uploads: no file is deleted
        that an upload is about to name. Then the last record of the audit trail
        is logged: without it, a truncated trail would look complete.
        """
        now = self.clock.now()
        swept = await self.catalogue.write(lambda rows: self._sweep(rows, now))
        if swept.stages or swept.files:
            log.info(
                "cleanup: deleted %d ended stages and %d unused files", swept.stages, swept.files
            )
        head = await self.catalogue.read(lambda rows: rows.audit.head())
        log.info("audit: the head is record %d, %s", head.number, head.digest)
        return swept

    def _sweep(self, rows: Rows, now: datetime) -> Swept:
        end_expired(rows, None, now)
        forgotten = [
            stage
            for stage in rows.stages.list()
            if stage.ended_at and now >= stage.ended_at + self.retention
        ]
        for stage in forgotten:
            rows.stages.remove(stage.id)
            rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
        unused = rows.files.remove_unused(now, since=now - _MIN_AGE)
        for digest in unused:
            self.files.remove(digest)
        orphans = self.files.sweep(rows.files.digests(), now - _MIN_AGE)
        return Swept(len(forgotten), len(unused) + orphans)
