"""Here is how the journal of a promotion is kept over HTTP, by whoever publishes elsewhere."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from stageproxy.cli.client import Client, failure
from stageproxy.cli.output import OutOfReachError
from stageproxy.cli.promotion_progress import PromotionProgress, state_of
from stageproxy.core.release.journal import Entry, Journal, Progress
from stageproxy.core.release.lease import LostLeaseError
from stageproxy.core.release.listing import rfc3339

_LONGEST_REASON = 4000
_MOST_AT_ONCE = 500
"""Entries of one report; the server takes twice as many."""
_PATIENCE = 300.0
"""How long the server may be away, in seconds: without a journal nothing more is sent."""


@dataclass(frozen=True, slots=True)
class HttpJournalist:
    """Keeps the journal at the server that has the stage; see `ports.Journalist`.

    *patience* and *try_every* are in seconds.
    """

    client: Client
    stage_id: str
    fence: int
    progress: PromotionProgress
    patience: float = _PATIENCE
    try_every: float = 2.0

    async def entries(self) -> Journal:
        """Return the journal as it is."""
        await self.renew()
        promotion = await self.client.ask("GET", f"api/stages/{self.stage_id}/promotion")
        return {name: _entry(name, file) for name, file in promotion["files"].items()}

    async def record(self, entries: Sequence[Entry]) -> None:
        """Keep how far artifacts are, and show it."""
        for start in range(0, len(entries), _MOST_AT_ONCE):
            some = entries[start : start + _MOST_AT_ONCE]
            await self._tell({"entries": [_document(one) for one in some]})
            for one in some:
                state = state_of(one.progress.value, in_doubt=one.in_doubt)
                self.progress.change(one.filename, state)

    async def renew(self) -> None:
        """Give a sign of life."""
        await self._tell({})

    async def succeed(self) -> None:
        """End the promotion: the stage is published."""
        await self._tell({"ending": "published"})

    async def fail(self, reason: str) -> None:
        """End the promotion: it goes no further."""
        await self._tell({"ending": "error", "reason": reason[:_LONGEST_REASON]})

    async def _tell(self, report: Mapping[str, Any]) -> None:
        """Tell the server, as soon as it can be told. The same may be told twice."""
        path = f"api/stages/{self.stage_id}/promotion/journal"
        body = {"fence": self.fence, **report}
        give_up_at = asyncio.get_running_loop().time() + self.patience
        while True:
            try:
                return _check(*await self.client.answer("POST", path, body))
            except OutOfReachError:
                if asyncio.get_running_loop().time() >= give_up_at:
                    raise
            await asyncio.sleep(self.try_every)


def _check(status: int, text: str) -> None:
    if status == HTTPStatus.CONFLICT:
        raise LostLeaseError
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise OutOfReachError(f"The server answers {status}, and keeps no journal.")
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
