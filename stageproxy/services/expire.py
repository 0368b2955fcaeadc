"""Expiry of stages, and deletion of files that no stage needs."""

import logging
from collections.abc import Sequence
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

        Rows go before their files: a file whose row could not be deleted is still there.
        Files are deleted within transactions, which exclude uploads: no file is
        deleted that an upload is about to name. Stray files are first, because that
        needs no room on a full disk. At the end the last record of the audit trail is
        logged: without it, a truncated trail would look complete.
        """
        now = self.clock.now()
        orphans = await self.catalogue.write(
            lambda rows: self.files.sweep(rows.files.digests(), now - _MIN_AGE)
        )
        stages, unused = await self.catalogue.write(lambda rows: self._remove_rows(rows, now))
        await self.catalogue.write(lambda rows: self._remove_files(rows, unused))
        swept = Swept(stages, len(unused) + orphans)
        if swept.stages or swept.files:
            log.info(
                "cleanup: deleted %d ended stages and %d unused files", swept.stages, swept.files
            )
        head = await self.catalogue.read(lambda rows: rows.audit.head())
        log.info("audit: the head is record %d, %s", head.number, head.digest)
        return swept

    def _remove_rows(self, rows: Rows, now: datetime) -> tuple[int, Sequence[str]]:
        """Return how many stages were removed, and the digests of files that nothing needs."""
        end_expired(rows, None, now)
        forgotten = [
            stage
            for stage in rows.stages.list()
            if stage.ended_at and now >= stage.ended_at + self.retention
        ]
        for stage in forgotten:
            rows.stages.remove(stage.id)
            rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
        return len(forgotten), rows.files.remove_unused(now, since=now - _MIN_AGE)

    def _remove_files(self, rows: Rows, digests: Sequence[str]) -> None:
        """Delete files, unless one was uploaded again meanwhile."""
        named = rows.files.digests() if digests else frozenset()
        for digest in digests:
            if digest not in named:
                self.files.remove(digest)
