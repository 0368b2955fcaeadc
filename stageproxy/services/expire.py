"""Here is how stages end whose time is over, and how files go that nobody needs any more."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.stage.events import stage_event
from stageproxy.ports import ArtifactFiles, Catalogue, Clock, Rows
from stageproxy.services.live_stages import end_expired

log = logging.getLogger(__name__)

_SPARED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep took away."""

    stages: int
    files: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """Ends what is over, an hour after the last need for it."""

    catalogue: Catalogue
    files: ArtifactFiles
    clock: Clock
    retention: timedelta

    async def sweep(self) -> Swept:
        """End expired stages, forget those whose story nobody may ask for any more, delete files.

        All of it in one transaction that keeps uploads out, so that no file
        goes that one of them is about to name. The log then gets the head of
        the audit trail: without it, a trail that was cut short looks whole.
        """
        now = self.clock.now()
        swept = await self.catalogue.write(lambda rows: self._sweep(rows, now))
        if swept.stages or swept.files:
            log.info("swept: forgot %d stages, deleted %d files", swept.stages, swept.files)
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
        unused = rows.files.remove_unused(now, since=now - _SPARED)
        for digest in unused:
            self.files.remove(digest)
        orphans = self.files.sweep(rows.files.digests(), now - _SPARED)
        return Swept(len(forgotten), len(unused) + orphans)
