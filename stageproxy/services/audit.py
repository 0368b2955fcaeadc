"""Here is the audit trail, for those who may read it, and how refusals get into it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stageproxy.core.audit import AuditRecord, ChainCheck, PlainValue
from stageproxy.core.errors import NoRoomError
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import in_short, refusal_event
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import Catalogue, Clock, Rows
from stageproxy.services.access import require, require_on
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)

_PAGE = 500
"""So many records are read at a time."""
_WINDOW = timedelta(minutes=1)
_MOST_IN_WINDOW = 60


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that was refused: what was asked for, and the sentence against it.

    *route* is a pattern, for a path may hold a token. The stage is known by
    its id or by its token's digest, if at all.
    """

    method: str
    route: str
    sentence: str
    stage_id: str | None = None
    stage_token: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class _Window:
    """A minute of one token's refusals: since when, how many were kept, how many were not."""

    began: datetime
    kept: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Tells who did what. What is done is told by whoever does it, in the same transaction.

    Refusals of one token are records up to a number in a minute; what comes
    beyond is counted in the next record of that token. The trail is kept for
    good, and a token that can do next to nothing must not fill the disk.
    """

    catalogue: Catalogue
    clock: Clock
    stages: Stages
    windows: dict[str, _Window] = field(default_factory=dict, repr=False)

    async def show(self, token: ApiToken, stage_id: str) -> Sequence[AuditRecord]:
        """Return what happened to a stage, also to one that is forgotten otherwise."""
        records = [one async for page in self._pages(stage_id) for one in page]
        stage = await self.catalogue.read(lambda rows: rows.stages.find(stage_id))
        last = records[-1].event if records else None
        if stage is None and last and last.project:
            require_on(token, Action.AUDIT, last.project, last.version)
        else:
            await self.stages.get(token, stage_id, Action.AUDIT)
        return records

    async def verify(self, token: ApiToken, head: str | None) -> ChainCheck:
        """Return how far the trail holds. *head* is a digest that it had once, from the log."""
        require(token, Action.VERIFY, None)
        walk = ChainCheck(awaited=head)
        async for page in self._pages():
            walk = walk.extended_with(page)
            if walk.broken:
                break
        walk = walk.finished()
        if walk.broken:
            log.error("audit: %s", walk.broken.sentence)
        return walk

    async def refused(self, token: ApiToken, refusal: Refusal) -> None:
        """Keep that a write was refused. On a full disk, the log has to do."""
        now = self.clock.now()
        left_out = self._left_out(token, now)
        if left_out is None:
            return
        details: dict[str, PlainValue] = {
            "method": refusal.method,
            "route": refusal.route,
            "sentence": in_short(refusal.sentence),
            **({"left_out": left_out} if left_out else {}),
        }

        def work(rows: Rows) -> None:
            stage = _find_stage(rows, refusal)
            event = refusal_event(stage, token.id, now, **details)
            rows.audit.add(event)

        try:
            await self.catalogue.write(work)
        except NoRoomError:
            log.error("audit: a refusal of token %s was not recorded: the disk is full", token.id)  # noqa: TRY400 - why is known

    def _left_out(self, token: ApiToken, now: datetime) -> int | None:
        """Return how many refusals before this one were not kept; nothing if this one is not."""
        window = self.windows.get(token.id)
        left_out = 0
        if window is None or abs(now - window.began) >= _WINDOW:
            left_out = window.left_out if window else 0
            window = self.windows[token.id] = _Window(now)
        if window.kept >= _MOST_IN_WINDOW:
            if not window.left_out:
                log.warning(
                    "audit: token %s is refused very often; further refusals are only counted",
                    token.id,
                )
            window.left_out += 1
            return None
        window.kept += 1
        return left_out

    async def _pages(self, stage_id: str | None = None) -> AsyncIterator[Sequence[AuditRecord]]:
        page = await self._page(stage_id, 0)
        while page:
            yield page
            # Reading does not wait for anything: without this, nobody else gets a turn.
            await asyncio.sleep(0)
            page = await self._page(stage_id, page[-1].number)

    async def _page(self, stage_id: str | None, after: int) -> Sequence[AuditRecord]:
        return await self.catalogue.read(
            lambda rows: rows.audit.list(stage_id, after=after, limit=_PAGE)
        )


def _find_stage(rows: Rows, refusal: Refusal) -> Stage | None:
    """Return the stage that was meant. An id is kept only if it is one: clients choose theirs."""
    if refusal.stage_token is not None:
        found = rows.stages.find_by_token(refusal.stage_token)
        return found[0] if found else None
    return rows.stages.find(refusal.stage_id) if refusal.stage_id else None
