"""Here is how the journal of a promotion is kept over HTTP, by whoever publishes elsewhere."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aiohttp import ClientTimeout

from stageproxy.cli.client import NO_READ_TIMEOUT, TIMEOUTS, Client, failure
from stageproxy.cli.output import OutOfReachError
from stageproxy.cli.promote.progress import PromotionProgress, state_of
from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.stage.listing import rfc3339

_MAX_REASON = 4000
_MAX_ENTRIES = 500
"""Entries of one report; the server takes twice as many."""
_MAX_PAUSE = 15.0
_GIVE_UP_AFTER = 300.0
"""How long the server may be away, in seconds: without a journal nothing more is sent."""


@dataclass(frozen=True, slots=True)
class HttpJournalStore:
    """Keeps the journal at the server that has the stage; see `ports.JournalStore`.

    *give_up_after* and *retry_every*, which doubles with each failure, are in seconds.
    """

    client: Client
    stage_id: str
    fence: int
    progress: PromotionProgress
    give_up_after: float = _GIVE_UP_AFTER
    retry_every: float = 2.0

    async def entries(self) -> Journal:
        """Return the journal as it is."""
        await self.renew()
        promotion = await self.client.request("GET", f"api/stages/{self.stage_id}/promotion")
        return {name: _entry(name, file) for name, file in promotion["files"].items()}

    async def record(self, entries: Sequence[Entry]) -> None:
        """Keep how far artifacts are, and show it."""
        for start in range(0, len(entries), _MAX_ENTRIES):
            batch = entries[start : start + _MAX_ENTRIES]
            await self._report({"entries": [_document(one) for one in batch]})
            for one in batch:
                state = state_of(one.progress.value, in_doubt=one.in_doubt)
                self.progress.change(one.filename, state)

    async def renew(self) -> None:
        """Give a sign of life."""
        await self._report({})

    async def succeed(self) -> None:
        """End the promotion: the stage is published, once the server has seen every file itself.

        Raise what keeps it from that: then the lease is still held.
        """
        status, text = await self._post({"ending": "published"}, NO_READ_TIMEOUT)
        if status == HTTPStatus.CONFLICT:
            # Unless the lease is lost, it is about what the index has.
            await self.renew()
            raise ConflictError(failure(status, text).message)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise UpstreamUnavailableError(failure(status, text).message)
        _check(status, text)

    async def fail(self, reason: str) -> None:
        """End the promotion: it goes no further."""
        await self._report({"ending": "error", "reason": reason[:_MAX_REASON]})

    async def _report(self, report: Mapping[str, Any]) -> None:
        _check(*await self._post(report))

    async def _post(
        self, report: Mapping[str, Any], timeouts: ClientTimeout = TIMEOUTS
    ) -> tuple[int, str]:
        """Tell the server, as soon as it can be told. The same may be told twice."""
        path = f"api/stages/{self.stage_id}/promotion/journal"
        body = {"fence": self.fence, **report}
        give_up_at = asyncio.get_running_loop().time() + self.give_up_after
        pause = self.retry_every
        while True:
            is_last = asyncio.get_running_loop().time() >= give_up_at
            try:
                status, text = await self.client.request_text("POST", path, body, timeouts=timeouts)
                if is_last or status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return status, text
            except OutOfReachError:
                if is_last:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE)


def _check(status: int, text: str) -> None:
    if status == HTTPStatus.CONFLICT:
        raise LostLeaseError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise OutOfReachError(
            f"The server answered with status {status} and stored no journal. Nothing more is sent "
            "without it. Run `stageproxy promote STAGE` again."
        )
    if status != HTTPStatus.OK:
        raise failure(status, text)


def _entry(filename: str, file: Mapping[str, Any]) -> Entry:
    return Entry(
        filename=filename,
        progress=Progress(file["progress"]),
        changed_at=datetime.fromisoformat(file["changed-at"]),
        attempts=file["attempts"],
        in_doubt=file["in-doubt"],
        said=file["said"],
        url=file["url"] or "",
    )


def _document(entry: Entry) -> Mapping[str, Any]:
    return {
        "filename": entry.filename,
        "progress": entry.progress.value,
        "changed-at": rfc3339(entry.changed_at),
        "attempts": entry.attempts,
        "in-doubt": entry.in_doubt,
        "said": entry.said,
        "url": entry.url,
    }
