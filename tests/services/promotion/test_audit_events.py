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
from tests.support.ports.fake_publish_target import FILES, UploadFault
from tests.support.promotion.fake_deployment import LIMITS, TOKEN, FakeDeployment
from tests.support.promotion.fake_promotion import SECRET
from tests.support.promotion.promotions import TARGET

EACH = [AuditAction.ARTIFACT_SENDING, AuditAction.ARTIFACT_SENT, AuditAction.ARTIFACT_CONFIRMED]


def events(deployment: FakeDeployment) -> Sequence[Event]:
    """Return the events of the trail."""
    return [record.event for record in deployment.catalogue.committed.tables.events]


def actions(deployment: FakeDeployment, filename: str | None = None) -> Sequence[str]:
    """Return the actions on one file, or on the promotion."""
    return [one.action for one in events(deployment) if one.details.get("filename") == filename]


async def test_every_step_is_an_event(deployment: FakeDeployment) -> None:
    """The trail has the start of a promotion, each step of each file, and the end."""
    await deployment.publish()

    names = [one.filename for one in (await deployment.now()).artifacts]
    assert actions(deployment) == [AuditAction.PROMOTION_BEGUN, AuditAction.PUBLISHED]
    assert [actions(deployment, name) for name in names] == [EACH] * 3
    assert find_broken_record(deployment.catalogue.committed.tables.events, None) is None


async def test_actor_and_details(deployment: FakeDeployment, sdist: Distribution) -> None:
    """The events have who started the promotion, of which manifest, and to which index."""
    digest = await deployment.digest()
    await deployment.publish()

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
    begun, *_, confirmed, _published = events(deployment)
    assert begun == Event(NOON, TOKEN.id, AuditAction.PROMOTION_BEGUN, *of_release, approved)
    assert confirmed == Event(NOON, "server", AuditAction.ARTIFACT_CONFIRMED, *of_release, expected)


async def test_refusal_and_its_sentence(deployment: FakeDeployment, sdist: Distribution) -> None:
    """The events have the sentence of the index, and the reason why the promotion stopped."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}

    await deployment.publish()

    *_, refused, stopped = events(deployment)
    assert (refused.action, refused.details["sentence"]) == (
        AuditAction.ARTIFACT_REFUSED,
        "The index has its reasons.",
    )
    assert (stopped.action, stopped.details["sent"]) == (AuditAction.PROMOTION_STOPPED, True)
    assert "2 of 3 files are published" in str(stopped.details["sentence"])


async def test_takeover(deployment: FakeDeployment) -> None:
    """A server that resumes a promotion adds an event with its new fence."""
    deployment.fake_target.slow = True
    async with deployment.server() as server:
        await server.promote()
        while not deployment.fake_target.sent:
            await server.run_briefly()
    deployment.fake_target.slow = False

    async with deployment.server() as server:
        await server.end()

    assert actions(deployment) == [
        AuditAction.PROMOTION_BEGUN,
        AuditAction.PROMOTION_RESUMED,
        AuditAction.PUBLISHED,
    ]
    assert {one.details["fence"] for one in events(deployment)} == {1, 2}


async def test_events_of_a_client(deployment: FakeDeployment) -> None:
    """The events of a client's promotion are those that it reports."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        first = next(iter(view.journal.values())).sending(NOON)
        await server.reports.accept(TOKEN, "s1", Report(1, [first]))

    assert [one.actor for one in events(deployment)] == [TOKEN.id, TOKEN.id]


async def test_refused_steps_are_no_events(deployment: FakeDeployment) -> None:
    """A step that is refused, or a report that changes nothing, is no event."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        before = events(deployment)
        journal_store = CatalogueJournalStore(
            deployment.catalogue, deployment.clock, "s1", 1, LIMITS.max_lifetime
        )
        entry = next(iter(view.journal.values())).sending(NOON)

        with pytest.raises(ConflictError):
            await journal_store.record([entry, Entry("other", Progress.SENT, NOON)])
        with pytest.raises(ConflictError):
            await journal_store.succeed()

    assert (events(deployment), await deployment.journal()) == (before, view.journal)
    assert await deployment.status() == (Status.PROCESSING, "")


async def test_credentials_are_not_in_events(deployment: FakeDeployment) -> None:
    """The trail has no credential of the index."""
    async with deployment.server() as server:
        await server.promote(credential=SECRET)
        await server.end()

    assert SECRET.password not in str(events(deployment))
