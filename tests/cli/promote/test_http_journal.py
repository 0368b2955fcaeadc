"""The journal of `promote --here`, stored over HTTP on a server that may not answer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from stageproxy.cli.client import open_client
from stageproxy.cli.output.output import FailedError, OutOfReachError
from stageproxy.cli.promote.http_journal import HttpJournalStore
from stageproxy.cli.promote.progress import promotion_progress
from stageproxy.core.errors import ConflictError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.ports import JournalStore
from tests.support.clients.command_runner import UNUSED_URL

ENTRY = Entry(
    "demo-1.0.tar.gz",
    Progress.UNKNOWN,
    datetime(2026, 11, 22, 12, tzinfo=UTC),
    attempts=2,
    in_doubt=True,
    sentence="No answer.",
)
REPORTED = {
    "filename": "demo-1.0.tar.gz",
    "progress": "unknown",
    "changed-at": "2026-11-22T12:00:00.000000Z",
    "attempts": 2,
    "in-doubt": True,
    "said": "No answer.",
    "url": "",
}


@dataclass(slots=True)
class JournalServer:
    """A server that stores a journal, the statuses of its next responses, and its requests."""

    statuses: list[int] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    async def store(self, request: web.Request) -> web.Response:
        """Store a report."""
        self.requests.append(await request.json())
        status = self.statuses.pop(0) if self.statuses else 200
        return web.json_response({"detail": f"Why {status}."}, status=status)

    async def show(self, _: web.Request) -> web.Response:
        """Return the journal."""
        return web.json_response({"files": {ENTRY.filename: {**REPORTED, "url": None}}})


@pytest.fixture
def journal_server() -> JournalServer:
    """Return a server that stores a journal."""
    return JournalServer()


@pytest.fixture
async def journal_store(journal_server: JournalServer) -> AsyncIterator[HttpJournalStore]:
    """Return a journal store that reports to the server with fence 7."""
    app = web.Application()
    app.router.add_post("/api/stages/1/promotion/journal", journal_server.store)
    app.router.add_get("/api/stages/1/promotion", journal_server.show)
    with promotion_progress(hidden=True) as progress:
        async with TestServer(app) as server, open_client(server.make_url("/"), None) as client:
            yield HttpJournalStore(client, "1", 7, progress, give_up_after=0.2, retry_every=0.01)


def fits_the_port(journal_store: HttpJournalStore) -> JournalStore:
    """Return the journal store as the port; mypy checks that it fits."""
    return journal_store


async def test_reports(journal_store: HttpJournalStore, journal_server: JournalServer) -> None:
    """Entries, renewals and endings are sent with the fence."""
    await journal_store.record([ENTRY])
    await journal_store.renew()
    await journal_store.succeed()
    await journal_store.fail("Why.")

    assert journal_server.requests == [
        {"fence": 7, "entries": [REPORTED]},
        {"fence": 7},
        {"fence": 7, "ending": "published"},
        {"fence": 7, "ending": "error", "reason": "Why."},
    ]


async def test_entries(journal_store: HttpJournalStore, journal_server: JournalServer) -> None:
    """The journal is read as it was stored. It cannot be read without the lease."""
    assert await journal_store.entries() == {ENTRY.filename: ENTRY}

    journal_server.statuses = [409]
    with pytest.raises(LostLeaseError):
        await journal_store.entries()


async def test_lost_lease(journal_store: HttpJournalStore, journal_server: JournalServer) -> None:
    """If the lease is lost, a report is not retried."""
    journal_server.statuses = [409, 409]

    with pytest.raises(LostLeaseError):
        await journal_store.record([ENTRY])

    assert journal_server.requests == [{"fence": 7, "entries": [REPORTED]}, {"fence": 7}]


async def test_stopped(journal_store: HttpJournalStore, journal_server: JournalServer) -> None:
    """Entries that are refused after a stop are not reported as a lost lease."""
    journal_server.statuses = [409, 200]

    with pytest.raises(ConflictError, match=r"Why 409\.") as caught:
        await journal_store.record([ENTRY])

    assert not isinstance(caught.value, LostLeaseError)


async def test_refused(journal_store: HttpJournalStore, journal_server: JournalServer) -> None:
    """A report that the server refuses is not retried."""
    journal_server.statuses = [403]

    with pytest.raises(FailedError, match="Why 403"):
        await journal_store.renew()

    assert len(journal_server.requests) == 1


async def test_retried_report(
    journal_store: HttpJournalStore, journal_server: JournalServer
) -> None:
    """A report is retried until the server has stored it."""
    journal_server.statuses = [503, 500]

    await journal_store.record([ENTRY])

    assert journal_server.requests == 3 * [{"fence": 7, "entries": [REPORTED]}]


async def test_retried_ending(
    journal_store: HttpJournalStore, journal_server: JournalServer
) -> None:
    """While the server cannot confirm all files on the index, the ending is sent again."""
    journal_server.statuses = [503, 503]

    await journal_store.succeed()

    assert journal_server.requests == 3 * [{"fence": 7, "ending": "published"}]


async def test_unconfirmed_ending(
    journal_store: HttpJournalStore, journal_server: JournalServer
) -> None:
    """If that takes too long, the error has the server's reason, and the lease is not lost."""
    journal_server.statuses = [503] * 100

    with pytest.raises(UpstreamUnavailableError, match=r"Why 503\."):
        await journal_store.succeed()

    assert 1 < len(journal_server.requests) < 10


async def test_conflicting_ending(
    journal_store: HttpJournalStore, journal_server: JournalServer
) -> None:
    """A conflict on the index is not reported as a lost lease."""
    journal_server.statuses = [409, 200]

    with pytest.raises(ConflictError, match=r"Why 409\."):
        await journal_store.succeed()

    assert journal_server.requests == [{"fence": 7, "ending": "published"}, {"fence": 7}]


async def test_ending_without_the_lease(
    journal_store: HttpJournalStore, journal_server: JournalServer
) -> None:
    """An ending without the lease is refused."""
    journal_server.statuses = [409, 409]

    with pytest.raises(LostLeaseError):
        await journal_store.succeed()


@pytest.mark.parametrize(("status", "error"), [(500, OutOfReachError), (403, FailedError)])
async def test_refused_ending(
    journal_store: HttpJournalStore,
    journal_server: JournalServer,
    status: int,
    error: type[Exception],
) -> None:
    """Other errors of an ending are raised as for any report."""
    journal_server.statuses = [status] * 100

    with pytest.raises(error):
        await journal_store.succeed()


async def test_unreachable_server(journal_store: HttpJournalStore) -> None:
    """If the server cannot be reached for too long, the report fails."""
    away = replace(journal_store, client=replace(journal_store.client, server=URL(UNUSED_URL)))

    with pytest.raises(OutOfReachError, match="cannot be reached"):
        await away.renew()
