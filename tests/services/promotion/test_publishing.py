"""Promotions whose database fails meanwhile."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from stageproxy.core.errors import FailedBucketError
from stageproxy.core.leases import LENGTH
from stageproxy.core.promotion.promotion import LostLeaseError
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.journal_store import CatalogueJournalStore
from tests.support.builders.distributions import Distribution
from tests.support.promotion.fake_deployment import FakeDeployment, PublishingServer
from tests.support.promotion.fake_promotion import PACE

OUT = (Status.PUBLISHED, "")


@dataclass(slots=True)
class Outage:
    """A failure of the database while the first file is being sent, until it is *over*."""

    deployment: FakeDeployment
    noticed: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin with the first upload."""
        self.deployment.pausing = (self.noticed, self.over)
        self.deployment.fake_target.on_upload = self._begin

    def _begin(self, _: str) -> None:
        if not self.noticed.is_set():
            self.deployment.catalogue.is_full = True

    def end(self) -> None:
        """Let the database be used again."""
        self.deployment.catalogue.is_full = False


async def waiting_for(server: PublishingServer, outage: Outage) -> str:
    """Begin to publish, and return what the promotion says that it waits for."""
    await server.promote()
    await outage.noticed.wait()
    outage.end()
    return server.promotions.live["s1"].waits_for


async def test_failure_of_the_database(deployment: FakeDeployment) -> None:
    """A promotion goes on after a failure of the database, and sends nothing twice.

    Once it stayed in process until the next start of the server.
    """
    outage = Outage(deployment)
    async with deployment.server() as server:
        sentence = await waiting_for(server, outage)
        outage.over.set()
        await server.end()

    names = [name for name, _ in deployment.fake_target.acceptances]
    assert sentence.startswith("Waiting after a failure of the server: ")
    assert await deployment.status() == OUT
    assert len(names) == len(set(names)) == 3
    assert (await deployment.promotion()).fence == 2


async def test_another_server_is_faster(deployment: FakeDeployment) -> None:
    """A server that could not renew its lease for too long leaves the promotion to another."""
    outage = Outage(deployment)
    async with deployment.server() as server, deployment.server(is_alone=False) as other:
        await waiting_for(server, outage)
        deployment.pausing = None
        deployment.clock.time += LENGTH
        await other.promotions.recover()
        await other.end()
        sent = list(deployment.fake_target.acceptances)
        outage.over.set()
        await server.end()

    assert await deployment.status() == OUT
    assert deployment.fake_target.acceptances == sent
    assert (await deployment.promotion()).fence == 2


async def test_failures_without_end(deployment: FakeDeployment) -> None:
    """A promotion whose files cannot be read, however often it is tried, ends with the reason."""

    def fail(_: str) -> None:
        raise FailedBucketError("it does not answer")

    deployment.fake_target.on_upload = fail
    async with deployment.server() as server:
        await server.promote()
        await server.end()

    status, reason = await deployment.status()
    assert (status, deployment.fake_target.sent.total()) == (Status.ERROR, PACE.attempts)
    assert "it does not answer" in reason


def journal_store_of(deployment: FakeDeployment, server: PublishingServer) -> CatalogueJournalStore:
    """Return the journal of the promotion that a server carries out."""
    return CatalogueJournalStore(
        deployment.catalogue, deployment.clock, "s1", 1, timedelta(days=1), leases=server.leases
    )


async def test_lease_renewed_by_the_journal(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """Each change of the journal renews the lease, so that none lapses while a file is sent."""
    deployment.fake_target.slow = True
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(wheels[0].filename)
        deployment.clock.time += LENGTH / 2
        await journal_store_of(deployment, server).renew()
        lease = await deployment.catalogue.read(lambda rows: rows.leases.find("promotion s1"))
        deployment.fake_target.slow = False

    assert lease is not None
    assert lease.until == deployment.clock.time + LENGTH


async def test_journal_of_a_lost_lease(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A server whose lease another one has taken records nothing, so that it sends nothing."""
    async with deployment.server() as server, deployment.server(is_alone=False) as other:
        deployment.fake_target.slow = True
        await server.promote()
        await server.until_sending(wheels[0].filename)
        deployment.clock.time += LENGTH
        await other.leases.try_to_take("promotion s1")
        with pytest.raises(LostLeaseError):
            await journal_store_of(deployment, server).renew()
        deployment.fake_target.slow = False
