"""The journal of `promote --here`, told over HTTP to a server that may be away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from stageproxy.cli.client import open_client
from stageproxy.cli.output import FailedError, OutOfReachError
from stageproxy.cli.promote.http_journal import HttpJournalStore
from stageproxy.cli.promote.progress import promotion_progress
from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.ports import JournalStore
from tests.cli.desk import NOBODY

ENTRY = Entry(
    "demo-1.0.tar.gz",
    Progress.UNKNOWN,
    datetime(2026, 11, 22, 12, tzinfo=UTC),
    attempts=2,
    in_doubt=True,
    sentence="No answer.",
)
TOLD = {
    "filename": "demo-1.0.tar.gz",
    "progress": "unknown",
    "changed-at": "2026-11-22T12:00:00.000000Z",
    "attempts": 2,
    "in-doubt": True,
    "said": "No answer.",
    "url": "",
}


@dataclass(slots=True)
class Keeper:
    """A server that keeps a journal, or says why not: the statuses that it answers with."""

    statuses: list[int] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Take a report down."""
        self.told.append(await request.json())
        status = self.statuses.pop(0) if self.statuses else 200
        return web.json_response({"detail": f"Why {status}."}, status=status)

    async def show(self, _: web.Request) -> web.Response:
        """Tell what the journal is."""
        return web.json_response({"files": {ENTRY.filename: {**TOLD, "url": None}}})


@pytest.fixture
def keeper() -> Keeper:
    """Return a keeper of a journal."""
    return Keeper()


@pytest.fixture
async def journal_store(keeper: Keeper) -> AsyncIterator[HttpJournalStore]:
    """Return who tells the keeper, as the holder of fence 7."""
    app = web.Application()
    app.router.add_post("/api/stages/1/promotion/journal", keeper.take)
    app.router.add_get("/api/stages/1/promotion", keeper.show)
    with promotion_progress(hidden=True) as progress:
        async with TestServer(app) as server, open_client(server.make_url("/"), None) as client:
            yield HttpJournalStore(client, "1", 7, progress, give_up_after=0.2, retry_every=0.01)


def fits_the_port(journal_store: HttpJournalStore) -> JournalStore:
    """Return the journal store as what it stands for: mypy proves that it does."""
    return journal_store


async def test_everything_is_told(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """Steps, signs of life and endings are told with the fence."""
    await journal_store.record([ENTRY])
    await journal_store.renew()
    await journal_store.succeed()
    await journal_store.fail("Why.")

    assert keeper.told == [
        {"fence": 7, "entries": [TOLD]},
        {"fence": 7},
        {"fence": 7, "ending": "published"},
        {"fence": 7, "ending": "error", "reason": "Why."},
    ]


async def test_entries(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """The journal is read as it was told, by who still holds the lease."""
    assert await journal_store.entries() == {ENTRY.filename: ENTRY}

    keeper.statuses = [409]
    with pytest.raises(LostLeaseError):
        await journal_store.entries()


async def test_lost(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """Whom the server does not take for the holder any more stops at once."""
    keeper.statuses = [409]

    with pytest.raises(LostLeaseError):
        await journal_store.record([ENTRY])

    assert len(keeper.told) == 1


async def test_refused(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """What the server refuses is not told again."""
    keeper.statuses = [403]

    with pytest.raises(FailedError, match="Why 403"):
        await journal_store.renew()

    assert len(keeper.told) == 1


async def test_away_for_a_moment(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """What a server could not take down is told again until it has."""
    keeper.statuses = [503, 500]

    await journal_store.record([ENTRY])

    assert keeper.told == 3 * [{"fence": 7, "entries": [TOLD]}]


async def test_end_that_is_not_seen_yet(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """A server that does not see all files on the index yet is told again that they are."""
    keeper.statuses = [503, 503]

    await journal_store.succeed()

    assert keeper.told == 3 * [{"fence": 7, "ending": "published"}]


async def test_end_that_is_never_seen(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """If that takes too long, its sentence says why; the lease is held to end it otherwise."""
    keeper.statuses = [503] * 100

    with pytest.raises(UpstreamUnavailableError, match=r"Why 503\."):
        await journal_store.succeed()

    assert 1 < len(keeper.told) < 10


async def test_end_with_other_bytes(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """What the index has otherwise is told as it is: it was taken for a lease that is lost."""
    keeper.statuses = [409, 200]

    with pytest.raises(ConflictError, match=r"Why 409\."):
        await journal_store.succeed()

    assert keeper.told == [{"fence": 7, "ending": "published"}, {"fence": 7}]


async def test_end_of_a_lost_promotion(journal_store: HttpJournalStore, keeper: Keeper) -> None:
    """Who has lost the lease does not end anything."""
    keeper.statuses = [409, 409]

    with pytest.raises(LostLeaseError):
        await journal_store.succeed()


@pytest.mark.parametrize(("status", "error"), [(500, OutOfReachError), (403, FailedError)])
async def test_end_that_is_refused(
    journal_store: HttpJournalStore, keeper: Keeper, status: int, error: type[Exception]
) -> None:
    """Whatever else keeps a server from ending it is told as for any report."""
    keeper.statuses = [status] * 100

    with pytest.raises(error):
        await journal_store.succeed()


async def test_away_for_long(journal_store: HttpJournalStore) -> None:
    """A server that stays away ends it: nothing may be sent that no journal knows of."""
    away = replace(journal_store, client=replace(journal_store.client, server=URL(NOBODY)))

    with pytest.raises(OutOfReachError, match="cannot be reached"):
        await away.renew()
