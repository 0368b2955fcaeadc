"""The journal of a promotion, stored on the server over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aiohttp import ClientTimeout

from stageproxy.cli.client import NO_READ_TIMEOUT, TIMEOUTS, Client, failure
from stageproxy.cli.output.output import OutOfReachError
from stageproxy.cli.promote.progress import PromotionProgress, state_of
from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.stage.listing import rfc3339

_MAX_REASON = 4000
_MAX_ENTRIES = 500
"""Entries in one report. The server accepts twice as many."""
_MAX_PAUSE = 15.0
_GIVE_UP_AFTER = 300.0
"""How long the server may be unavailable, in seconds. Without a journal nothing is sent."""


@dataclass(frozen=True, slots=True)
class HttpJournalStore:
    """Stores the journal on the server of the stage; see `ports.JournalStore`.

    *give_up_after* and *retry_every* are in seconds; the latter doubles after each failure.
    """

    client: Client
    stage_id: str
    fence: int
    progress: PromotionProgress
    give_up_after: float = _GIVE_UP_AFTER
    retry_every: float = 2.0

    async def entries(self) -> Journal:
        """Return the stored journal."""
        await self.renew()
        promotion = await self.client.request("GET", f"api/stages/{self.stage_id}/promotion")
        return {name: _entry(name, file) for name, file in promotion["files"].items()}

    async def record(self, entries: Sequence[Entry]) -> None:
        """Store the entries of files, and show their progress."""
        for start in range(0, len(entries), _MAX_ENTRIES):
            batch = entries[start : start + _MAX_ENTRIES]
            await self._record([_document(one) for one in batch])
            for entry in batch:
                state = state_of(entry.progress.value, in_doubt=entry.in_doubt)
                self.progress.change(entry.filename, state)

    async def renew(self) -> None:
        """Renew the lease."""
        await self._report({})

    async def succeed(self) -> None:
        """End the promotion as published, once the server has confirmed every file itself.

        Raise if it cannot confirm them. The lease is still held then.
        """
        status, text = await self._post({"ending": "published"}, NO_READ_TIMEOUT)
        if status == HTTPStatus.CONFLICT:
            # Either the lease is lost, which `renew` raises, or the index lacks a file.
            await self.renew()
            raise ConflictError(failure(status, text).message)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise UpstreamUnavailableError(failure(status, text).message)
        self._check(status, text)

    async def fail(self, reason: str) -> None:
        """End the promotion with an error."""
        await self._report({"ending": "error", "reason": reason[:_MAX_REASON]})

    async def _record(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Report entries. Raise `ConflictError` if the server refuses them, but the lease is held.

        Then the promotion was stopped, and what is being sent can be finished.
        """
        status, text = await self._post({"entries": entries})
        if status == HTTPStatus.CONFLICT:
            await self.renew()
            raise ConflictError(failure(status, text).message)
        self._check(status, text)

    async def _report(self, report: Mapping[str, Any]) -> None:
        self._check(*await self._post(report))

    async def _post(
        self, report: Mapping[str, Any], timeouts: ClientTimeout = TIMEOUTS
    ) -> tuple[int, str]:
        """Send a report, and retry until the server answers. Repeating a report is harmless."""
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

    def _check(self, status: int, text: str) -> None:
        if status == HTTPStatus.CONFLICT:
            raise LostLeaseError
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise OutOfReachError(
                f"The server answered with status {status} and did not record the progress, so "
                "nothing more is sent. Run `stageproxy promote STAGE` again."
            )
        if status != HTTPStatus.OK:
            raise self.client.failure(status, text)


def _entry(filename: str, file: Mapping[str, Any]) -> Entry:
    return Entry(
        filename=filename,
        progress=Progress(file["progress"]),
        changed_at=datetime.fromisoformat(file["changed-at"]),
        attempts=file["attempts"],
        in_doubt=file["in-doubt"],
        sentence=file["said"],
        url=file["url"] or "",
    )


def _document(entry: Entry) -> Mapping[str, Any]:
    return {
        "filename": entry.filename,
        "progress": entry.progress.value,
        "changed-at": rfc3339(entry.changed_at),
        "attempts": entry.attempts,
        "in-doubt": entry.in_doubt,
        "said": entry.sentence,
        "url": entry.url,
    }
