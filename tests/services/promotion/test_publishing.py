"""Promotions whose database, or whose store of files, fails meanwhile."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from stageproxy.core.errors import FailedBucketError, OtherBytesError
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
    began = deployment.clock.now()
    async with deployment.server() as server:
        await server.promote()
        await server.end()

    status, reason = await deployment.status()
    assert status is Status.ERROR
    assert deployment.fake_target.sent.total() >= PACE.attempts
    assert deployment.clock.now() - began >= PACE.patience
    assert "it does not answer" in reason


async def test_failures_of_each_file(deployment: FakeDeployment) -> None:
    """A store that fails now and then, but lets each file through at last, ends no promotion.

    Once a promotion ended after a number of failures, however many files it had.
    """
    failed: Counter[str] = Counter()

    def fail(sha256: str) -> None:
        failed[sha256] += 1
        if failed[sha256] < PACE.attempts:
            raise FailedBucketError("it answered with status 500")

    deployment.files.on_open = fail

    assert await deployment.publish() == OUT
    assert [*failed.values()] == [PACE.attempts] * 3
    assert [*deployment.fake_target.sent.values()] == [1, 1, 1]


async def test_store_that_is_away(deployment: FakeDeployment) -> None:
    """A promotion waits for its files as long as the settings have patience."""
    back = deployment.clock.now() + PACE.patience * 0.9

    def fail(_: str) -> None:
        if deployment.clock.now() < back:
            raise FailedBucketError("it does not answer")

    deployment.files.on_open = fail

    assert await deployment.publish() == OUT
    assert [*deployment.fake_target.sent.values()] == [1, 1, 1]


@pytest.mark.parametrize("error", [FileNotFoundError(), OtherBytesError()])
async def test_file_that_is_damaged(deployment: FakeDeployment, error: Exception) -> None:
    """A file that is gone, or has other bytes, since the stage was frozen is not waited for."""

    def fail(_: str) -> None:
        raise error

    deployment.files.on_open = fail
    status, reason = await deployment.publish()

    assert (status, deployment.fake_target.sent) == (Status.ERROR, {})
    assert "differs from the uploaded file, so it is not published" in reason


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
