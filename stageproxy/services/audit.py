"""Reading and verifying the audit trail, and recording refusals in it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from stageproxy.catalogue import Catalogue, Rows
from stageproxy.core.audit import AuditRecord, ChainCheck, PlainValue
from stageproxy.core.errors import StorageError
from stageproxy.core.rates import RateLimiter
from stageproxy.core.rights import Action, ApiToken
from stageproxy.core.stage.events import refusal_event, shortened
from stageproxy.core.stage.stage import Stage
from stageproxy.ports import Clock
from stageproxy.services.access import require, require_on
from stageproxy.services.quotas import hourly
from stageproxy.services.stages import Stages

log = logging.getLogger(__name__)

_MOST_ON_A_PAGE = 5000
_PAGE = 500
"""The number of records that are read at a time."""
_PageAfter = Callable[[int, Rows], Sequence[AuditRecord]]
"""Returns the records that follow the one of a number, up to a page of them."""
_MOST_REFUSALS = 600


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that was refused: the request, and the sentence of the error.

    *route* is a pattern, because a path can contain a token. The stage is
    given by its id or by the digest of its token, if the request names one.
    """

    method: str
    route: str
    sentence: str
    stage_id: str | None = None
    stage_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Reads the audit trail, and records refusals. Changes are recorded where they are made.

    Only a limited number of refusals per token and hour are recorded; the
    next record of the token contains the number of the others. The trail is
    never deleted, and a token with few rights must not fill the disk.
    """

    catalogue: Catalogue
    clock: Clock
    stages: Stages
    refusals: RateLimiter[tuple[str, str]] = field(default_factory=lambda: hourly(_MOST_REFUSALS))
    left_out: dict[str, int] = field(default_factory=dict, repr=False)

    async def show(self, token: ApiToken, stage_id: str) -> Sequence[AuditRecord]:
        """Return the records of a stage, even of one that is deleted."""
        records = [one async for page in self._pages(_of_stage(stage_id)) for one in page]
        stage = await self.catalogue.read(lambda rows: rows.stages.find(stage_id))
        last = records[-1].event if records else None
        if stage is None and last and last.project:
            require_on(token, Action.AUDIT, last.project, last.version)
        else:
            await self.stages.get(token, stage_id, Action.AUDIT)
        return records

    async def of_stage(self, stage: Stage) -> Sequence[AuditRecord]:
        """Return the records of a stage for its page, which shows only what is for all readers."""
        return await self.catalogue.read(
            lambda rows: rows.audit.list(stage.id, limit=_MOST_ON_A_PAGE)
        )

    async def show_without_stage(self, token: ApiToken) -> Sequence[AuditRecord]:
        """Return the records about no stage: API tokens, and refusals that name no stage."""
        require(token, Action.TOKENS, None)
        return [one async for page in self._pages(_without_stage) for one in page]

    async def verify(self, token: ApiToken, head: str | None) -> ChainCheck:
        """Return the result of checking the whole trail.

        *head*: the digest of an earlier last record, from the log, which must still be there.
        """
        require(token, Action.VERIFY, None)
        check = ChainCheck(awaited=head)
        async for page in self._pages(_of_stage(None)):
            check = check.extended_with(page)
            if check.broken:
                break
        check = check.finished()
        if check.broken:
            log.error("audit: %s", check.broken.sentence)
        return check

    async def record_refusal(self, token: ApiToken, refusal: Refusal) -> None:
        """Record a refusal. If it cannot be stored, write a line to the log instead."""
        now = self.clock.now()
        left_out = self._left_out(token, now)
        if left_out is None:
            return
        details: dict[str, PlainValue] = {
            "method": refusal.method,
            "route": refusal.route,
            "sentence": shortened(refusal.sentence),
            **({"left_out": left_out} if left_out else {}),
        }

        def work(rows: Rows) -> None:
            stage = _find_stage(rows, refusal)
            event = refusal_event(stage, token.id, now, **details)
            rows.audit.add(event)

        try:
            await self.catalogue.write(work)
        except StorageError as error:
            log.error(  # noqa: TRY400 - the cause is known
                "audit: a refusal of token %s was not recorded: %s", token.label, error.sentence
            )

    def _left_out(self, token: ApiToken, now: datetime) -> int | None:
        """Return how many earlier refusals were not recorded; `None` if this one is not either."""
        if not self.refusals.take((token.id, ""), now):
            return self.left_out.pop(token.id, 0)
        if token.id not in self.left_out:
            log.warning(
                "audit: token %s is refused very often; further refusals are only counted",
                token.label,
            )
        self.left_out[token.id] = self.left_out.get(token.id, 0) + 1
        return None

    async def _pages(self, page_after: _PageAfter) -> AsyncIterator[Sequence[AuditRecord]]:
        page = await self.catalogue.read(partial(page_after, 0))
        while page:
            yield page
            # Reading never waits: without this, it would block the event loop.
            await asyncio.sleep(0)
            page = await self.catalogue.read(partial(page_after, page[-1].number))


def _of_stage(stage_id: str | None) -> _PageAfter:
    return lambda after, rows: rows.audit.list(stage_id, after=after, limit=_PAGE)


def _without_stage(after: int, rows: Rows) -> Sequence[AuditRecord]:
    return rows.audit.list_without_stage(after=after, limit=_PAGE)


def _find_stage(rows: Rows, refusal: Refusal) -> Stage | None:
    """Return the stage that the request names. An id that does not exist is not recorded."""
    if refusal.stage_token is not None:
        found = rows.stages.find_by_token(refusal.stage_token)
        return found[0] if found else None
    return rows.stages.find(refusal.stage_id) if refusal.stage_id else None
