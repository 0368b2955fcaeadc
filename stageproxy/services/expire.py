"""Expiry of stages, and deletion of files that no stage needs."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, product
from string import hexdigits

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.stage.events import stage_event
from stageproxy.ports import ArtifactFiles, Clock
from stageproxy.services.live_stages import end_if_expired, get_stage

log = logging.getLogger(__name__)

_MIN_AGE = timedelta(hours=1)
_STEP = 200
"""How many stages or files one transaction treats, which then takes some milliseconds."""


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
        files = [await self._remove_strays(prefix, now) for prefix in prefixes]
        while await self.catalogue.write(lambda rows: _end_some(rows, now)):
            pass
        stages = [number async for number in self._forgotten(now)]
        files += [await self._remove_unused(prefix, now) for prefix in prefixes]
        swept = Swept(sum(stages), sum(files))
        if swept.stages or swept.files:
            log.info(
                "cleanup: deleted %d ended stages and %d unused files", swept.stages, swept.files
            )
        head = await self.catalogue.read(lambda rows: rows.audit.head())
        log.info("audit: the head is record %d, %s", head.number, head.digest)
        return swept

    async def _remove_strays(self, prefix: str, now: datetime) -> int:
        return await self.catalogue.write(
            lambda rows: self.files.sweep(rows.files.digests(prefix), now - _MIN_AGE, prefix)
        )

    async def _forgotten(self, now: datetime) -> AsyncIterator[int]:
        """Remove the stages whose retention time is over, and yield how many at a time."""

        def work(rows: Rows) -> int:
            forgotten = rows.stages.list_ended(now - self.retention, _STEP)
            for stage in forgotten:
                rows.stages.remove(stage.id)
                rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
            return len(forgotten)

        while number := await self.catalogue.write(work):
            yield number

    async def _remove_unused(self, prefix: str, now: datetime) -> int:
        unused = await self.catalogue.write(
            lambda rows: rows.files.remove_unused(now, since=now - _MIN_AGE, prefix=prefix)
        )
        if unused:
            await self.catalogue.write(lambda rows: self._remove_files(rows, unused, prefix))
        return len(unused)

    def _remove_files(self, rows: Rows, digests: Sequence[str], prefix: str) -> None:
        """Delete files, unless one was uploaded again meanwhile."""
        named = rows.files.digests(prefix)
        for digest in digests:
            if digest not in named:
                self.files.remove(digest)


def _end_some(rows: Rows, now: datetime) -> bool:
    """End some expired stages and file uploads; return whether there may be more."""
    stages = rows.stages.list_expired(now, _STEP)
    uploads = rows.file_uploads.list_expired(now, _STEP)
    for stage in stages:
        end_if_expired(rows, stage, now)
    for stage_id in dict.fromkeys(stage_id for stage_id, _ in uploads):
        end_if_expired(rows, get_stage(rows, stage_id), now)
    return _STEP in {len(stages), len(uploads)}


def _prefixes(files: int) -> Sequence[str]:
    """Return prefixes of digests that divide a number of files into small parts."""
    length = next(one for one in count() if files <= _STEP * 16**one)
    return ["".join(digits) for digits in product(hexdigits[:16], repeat=length)]
