"""Audit events of promotions: each step, in the transaction that makes it."""

from collections.abc import Sequence

import pytest

from stageproxy.core.audit import AuditAction, Event, PlainValue, find_broken_record
from stageproxy.core.errors import ConflictError
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from stageproxy.services.promotion.reports import Report
from tests.support.builders.distributions import Distribution
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import FILES, Fault
from tests.support.promotion.promoting import SECRET
from tests.support.promotion.promotions import TARGET
from tests.support.promotion.releasing import LIMITS, TOKEN, Releasing

EACH = [AuditAction.ARTIFACT_SENDING, AuditAction.ARTIFACT_SENT, AuditAction.ARTIFACT_CONFIRMED]


def events(releasing: Releasing) -> Sequence[Event]:
    """Return the events of the trail."""
    return [record.event for record in releasing.catalogue.committed.tables.events]


def actions(releasing: Releasing, filename: str | None = None) -> Sequence[str]:
    """Return the actions on one file, or on the promotion."""
    return [one.action for one in events(releasing) if one.details.get("filename") == filename]


async def test_every_step_is_an_event(releasing: Releasing) -> None:
    """The trail has the start of a promotion, each step of each file, and the end."""
    await releasing.publish()

    names = [one.filename for one in (await releasing.now()).artifacts]
    assert actions(releasing) == [AuditAction.PROMOTION_BEGUN, AuditAction.PUBLISHED]
    assert [actions(releasing, name) for name in names] == [EACH] * 3
    assert find_broken_record(releasing.catalogue.committed.tables.events, None) is None


async def test_actor_and_details(releasing: Releasing, sdist: Distribution) -> None:
    """The events have who started the promotion, of which manifest, and to which index."""
    digest = await releasing.digest()
    await releasing.publish()

    details: dict[str, PlainValue] = {
        "manifest-digest": digest,
        "publisher": "server",
        "way": "server",
        "fence": 1,
    }
    where: dict[str, PlainValue] = {
        "repository-url": TARGET.repository_url,
        "index-url": TARGET.index_url,
    }
    approved: dict[str, PlainValue] = {**details, "revision": 1, "acknowledged": [], **where}
    expected: dict[str, PlainValue] = {
        **details,
        "filename": sdist.filename,
        "attempts": 1,
        "url": f"{FILES}/{sdist.filename}",
    }
    of_release = ("demo", "2.0", "s1")
    begun, *_, confirmed, _published = events(releasing)
    assert begun == Event(NOON, TOKEN.id, AuditAction.PROMOTION_BEGUN, *of_release, approved)
    assert confirmed == Event(NOON, "server", AuditAction.ARTIFACT_CONFIRMED, *of_release, expected)


async def test_refusal_and_its_sentence(releasing: Releasing, sdist: Distribution) -> None:
    """The events have the sentence of the index, and the reason why the promotion stopped."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}

    await releasing.publish()

    *_, refused, stopped = events(releasing)
    assert (refused.action, refused.details["sentence"]) == (
        AuditAction.ARTIFACT_REFUSED,
        "The index has its reasons.",
    )
    assert (stopped.action, stopped.details["sent"]) == (AuditAction.PROMOTION_STOPPED, True)
    assert "2 of 3 files are published" in str(stopped.details["sentence"])


async def test_takeover(releasing: Releasing) -> None:
    """A server that resumes a promotion adds an event with its new fence."""
    releasing.fake_target.slow = True
    async with releasing.server() as server:
        await server.promote()
        while not releasing.fake_target.sent:
            await server.breathe()
    releasing.fake_target.slow = False

    async with releasing.server() as server:
        await server.end()

    assert actions(releasing) == [
        AuditAction.PROMOTION_BEGUN,
        AuditAction.PROMOTION_RESUMED,
        AuditAction.PUBLISHED,
    ]
    assert {one.details["fence"] for one in events(releasing)} == {1, 2}


async def test_events_of_a_client(releasing: Releasing) -> None:
    """The events of a client's promotion are those that it reports."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        first = next(iter(view.journal.values())).sending(NOON)
        await server.reports.accept(TOKEN, "s1", Report(1, [first]))

    assert [one.actor for one in events(releasing)] == [TOKEN.id, TOKEN.id]


async def test_refused_steps_are_no_events(releasing: Releasing) -> None:
    """A step that is refused, or a report that changes nothing, is no event."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        before = events(releasing)
        journal_store = CatalogueJournalStore(
            releasing.catalogue, releasing.clock, "s1", 1, LIMITS.max_lifetime
        )
        entry = next(iter(view.journal.values())).sending(NOON)

        with pytest.raises(ConflictError):
            await journal_store.record([entry, Entry("other", Progress.SENT, NOON)])
        with pytest.raises(ConflictError):
            await journal_store.succeed()

    assert (events(releasing), await releasing.journal()) == (before, view.journal)
    assert await releasing.status() == (Status.PROCESSING, "")


async def test_credentials_are_not_in_events(releasing: Releasing) -> None:
    """The trail has no credential of the index."""
    async with releasing.server() as server:
        await server.promote(credential=SECRET)
        await server.end()

    assert SECRET.password not in str(events(releasing))
