"""Expiry of stages, and deletion of files that no stage needs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, count, product
from string import hexdigits
from typing import TypeVar

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import SERVER, AuditAction
from stageproxy.core.care.sweep import SweepPlan, UnneededFile
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import stage_event
from stageproxy.core.stage.file_uploads import FileUpload
from stageproxy.core.stage.lifetime import as_of
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import ArtifactFiles, Clock, DerivedResults, NamedDigests
from stageproxy.services.access import require
from stageproxy.services.live_stages import end_if_expired, get_stage

log = logging.getLogger(__name__)

T = TypeVar("T")

_MIN_AGE = timedelta(hours=1)
_LAPSED_FOR = timedelta(days=1)
_NAMED_FOR = timedelta(days=90)
"""How long the name of a minted token is known: longer than a stage that it has filled is shown."""
_STEP = 200
"""How many stages or files one transaction treats, which then takes some milliseconds."""
_MOST_PLANNED = 10_000
"""How many stages a plan names."""


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
    derived: DerivedResults

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
        planned, known = await self.catalogue.read(
            lambda rows: (self._plan(rows, now), rows.files.digests())
        )
        orphans = await self.files.list_orphans(known, now - _MIN_AGE)
        derived = await asyncio.to_thread(self.derived.list_unneeded, known, now - _MIN_AGE)
        return replace(planned, orphans=orphans, derived=derived)

    def _plan(self, rows: Rows, now: datetime) -> SweepPlan:
        since, until = now - _MIN_AGE, now - self.retention
        expired = rows.stages.list_expired(now, _MOST_PLANNED)
        ended = rows.stages.list_ended(until, _MOST_PLANNED)
        ending = [as_of(one, now) for one in expired]
        return SweepPlan(
            expired=expired,
            uploads=[one.filename for _, one in rows.file_uploads.list_expired(now, _MOST_PLANNED)],
            forgotten=[*ended, *(one for one in ending if one.ended_at and one.ended_at <= until)],
            unused=rows.files.list_unused(since=since),
            orphans=[],
        )

    async def carry_out(self) -> SweepPlan:
        """End expired stages, delete those whose retention time is over, and unused files.

        Many short transactions, so that uploads never wait long. Rows go before their files:
        a file whose row could not be deleted is still there. What rows name is read within
        transactions, which exclude uploads: no file is deleted that an upload is about to
        name. Orphans are first, because that needs no room on a full disk. At the end the
        last record of the audit trail is logged: without it, a truncated trail would look
        complete. After a jump of the clock, only what is due by both times is swept.
        """
        now = self.clock.earliest()
        totals = await self.catalogue.read(lambda rows: rows.totals())
        prefixes = _prefixes(totals.files)
        orphans = [await self._remove_orphans(prefix, now) for prefix in prefixes]
        expired, uploads = await self._end_expired(now)
        forgotten = [stage async for stage in self._forgotten(now)]
        unused = [await self._remove_unused(prefix, now) for prefix in prefixes]
        await self.catalogue.write(lambda rows: _remove_lapsed(rows, now))
        derived = await self.sweep_derived()
        done = SweepPlan(expired, uploads, forgotten, [*_flat(unused)], [*_flat(orphans)], derived)
        if done.forgotten or done.files:
            log.info(
                "sweep: deleted %d ended stages and %d unused files, %d bytes",
                len(done.forgotten),
                len(done.files),
                done.size,
            )
        head = await self.catalogue.read(lambda rows: rows.audit.head())
        log.info("audit: the head is record %d, %s", head.number, head.digest)
        return done

    async def _remove_orphans(self, prefix: str, now: datetime) -> Sequence[UnneededFile]:
        return await self.files.remove_orphans(self._named(prefix), now - _MIN_AGE, prefix)

    def _named(self, prefix: str) -> NamedDigests:
        """Return how the files are found that rows name, of those whose digests have a prefix."""

        def run(work: Callable[[frozenset[str]], T]) -> Awaitable[T]:
            return self.catalogue.write(lambda rows: work(rows.files.digests(prefix)))

        return run

    async def sweep_derived(self) -> Sequence[UnneededFile]:
        """Delete what this server has worked out of artifacts that are gone."""
        now = self.clock.earliest()
        known = await self.catalogue.read(lambda rows: rows.files.digests())

        def work() -> Sequence[UnneededFile]:
            unneeded = self.derived.list_unneeded(known, now - _MIN_AGE)
            for one in unneeded:
                self.derived.remove(one)
            return unneeded

        return await asyncio.to_thread(work)

    async def _end_expired(self, now: datetime) -> tuple[Sequence[Stage], Sequence[str]]:
        """End expired stages and file uploads; return the stages, and the names of the files."""
        ended: list[Stage] = []
        over: list[str] = []
        is_more = True
        while is_more:
            stages, uploads = await self.catalogue.write(lambda rows: _end_some(rows, now))
            ended += stages
            over += [one.filename for _, one in uploads]
            is_more = _STEP in {len(stages), len(uploads)}
        return ended, over

    async def _forgotten(self, now: datetime) -> AsyncIterator[Stage]:
        """Remove the stages whose retention time is over, and yield them."""

        def work(rows: Rows) -> Sequence[Stage]:
            forgotten = rows.stages.list_ended(now - self.retention, _STEP)
            for stage in forgotten:
                rows.stages.remove(stage.id)
                rows.audit.add(stage_event(stage, AuditAction.FORGOTTEN, SERVER, now))
            return forgotten

        while forgotten := await self.catalogue.write(work):
            for stage in forgotten:
                yield stage

    async def _remove_unused(self, prefix: str, now: datetime) -> Sequence[UnneededFile]:
        unused = await self.catalogue.write(
            lambda rows: rows.files.remove_unused(now, since=now - _MIN_AGE, prefix=prefix)
        )
        if unused:
            # One that was uploaded again meanwhile is named again.
            await self.files.remove_unnamed([one.name for one in unused], self._named(prefix))
        return unused


def _end_some(
    rows: Rows, now: datetime
) -> tuple[Sequence[Stage], Sequence[tuple[str, FileUpload]]]:
    """End some expired stages and file uploads, and return them."""
    stages = rows.stages.list_expired(now, _STEP)
    uploads = rows.file_uploads.list_expired(now, _STEP)
    for stage in stages:
        end_if_expired(rows, stage, now)
    for stage_id in dict.fromkeys(stage_id for stage_id, _ in uploads):
        end_if_expired(rows, get_stage(rows, stage_id), now)
    return stages, uploads


def _remove_lapsed(rows: Rows, now: datetime) -> None:
    """Remove what has expired or lapsed long ago: sessions, minted tokens, leases, rates."""
    rows.sessions.remove_expired(now)
    rows.identities.forget(now)
    rows.tokens.forget_minted(now - _NAMED_FOR)
    rows.rates.remove_full(now - _LAPSED_FOR)
    for lease in rows.leases.list():
        if lease.until < now - _LAPSED_FOR:
            rows.leases.remove(lease.name)


def _flat(parts: Sequence[Sequence[UnneededFile]]) -> Iterator[UnneededFile]:
    return chain.from_iterable(parts)


def _prefixes(files: int) -> Sequence[str]:
    """Return prefixes of digests that divide a number of files into small parts."""
    length = next(one for one in count() if files <= _STEP * 16**one)
    return ["".join(digits) for digits in product(hexdigits[:16], repeat=length)]
