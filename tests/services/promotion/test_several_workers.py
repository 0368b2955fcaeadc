"""Promotions of a server with several workers."""

import asyncio
from datetime import timedelta

from stageproxy.core.leases import LENGTH, RENEWED_EVERY
from stageproxy.core.promotion.promotion import LEASE
from stageproxy.core.stage.stage import Status
from tests.support.builders.distributions import Distribution
from tests.support.promotion.fake_deployment import FakeDeployment
from tests.support.promotion.fake_promotion import SECRET

OUT = (Status.PUBLISHED, "")


async def test_left_to_the_worker_that_publishes(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A worker that starts, or looks for work, takes over nothing that a living one publishes."""
    deployment.fake_target.slow = True
    async with deployment.server() as publisher, deployment.server(is_alone=False) as other:
        await publisher.promote()
        await publisher.until_sending(wheels[0].filename)
        await other.promotions.recover()
        async with deployment.server(is_alone=False):
            pass
        assert not other.promotions.background.is_running("s1")
        deployment.fake_target.slow = False

    assert (await deployment.promotion()).fence == 1


async def test_longer_than_its_lease(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """Another worker does not end a promotion that lasts long and whose worker is alive."""
    deployment.fake_target.slow = True
    async with deployment.server() as publisher, deployment.server(is_alone=False) as other:
        await publisher.promote()
        await publisher.until_sending(wheels[0].filename)
        for _ in range((LEASE + RENEWED_EVERY) // RENEWED_EVERY):
            deployment.clock.time += RENEWED_EVERY
            await publisher.leases.renew()
        await other.promotions.end_lapsed()
        status, _ = await deployment.status()
        deployment.fake_target.slow = False

    assert status is Status.PROCESSING


async def test_stop_at_another_worker(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A stop that another worker is asked for waits for the answer to the file that is sent."""
    gate = asyncio.Event()
    deployment.fake_target.gates = {wheels[0].filename: gate}
    async with deployment.server() as publisher, deployment.server(is_alone=False) as other:
        await publisher.promote()
        await publisher.until_sending(wheels[0].filename)
        stopped = await other.stop()
        gate.set()
        await publisher.end()

    status, reason = await deployment.status()
    assert stopped.stage.status is Status.PROCESSING
    assert (status, reason.startswith("Stopped by")) == (Status.ERROR, True)


async def killed(deployment: FakeDeployment, name: str) -> str:
    """Publish until a file is being sent; kill the worker then, and return its id."""
    deployment.fake_target.slow = True
    async with deployment.server() as publisher:
        await publisher.promote(credential=SECRET)
        await publisher.until_sending(name)
        lease = await deployment.catalogue.read(lambda rows: rows.leases.find("promotion s1"))
    assert lease is not None
    # It did not have the time to end its leases.
    await deployment.catalogue.write(lambda rows: rows.leases.save(lease))
    deployment.fake_target.slow = False
    return publisher.leases.holder


async def test_taken_over_from_a_killed_worker(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """Another worker takes over from one that was killed, and publishes the rest."""
    async with deployment.server(is_alone=False) as other:
        holder = await killed(deployment, wheels[0].filename)
        await other.promotions.recover()
        assert not other.promotions.background.is_running("s1")
        await other.leases.end(holder)
        await other.promotions.recover()
        await other.end()

    assert await deployment.status() == OUT
    assert (await deployment.promotion()).fence == 2


async def test_taken_over_after_its_lease(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """If nobody knows of the death, the promotion is taken over within the length of the lease."""
    async with deployment.server(is_alone=False) as other:
        await killed(deployment, wheels[0].filename)
        deployment.clock.time += LENGTH - timedelta(seconds=1)
        await other.promotions.recover()
        is_early = other.promotions.background.is_running("s1")
        deployment.clock.time += timedelta(seconds=1)
        await other.promotions.recover()
        await other.end()

    assert not is_early
    assert await deployment.status() == OUT


async def test_taken_over_once(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """Of several workers that look for work, one takes a promotion over."""
    async with (
        deployment.server(is_alone=False) as second,
        deployment.server(is_alone=False) as third,
    ):
        holder = await killed(deployment, wheels[0].filename)
        await second.leases.end(holder)
        await asyncio.gather(second.promotions.recover(), third.promotions.recover())
        await second.end()
        await third.end()

    assert await deployment.status() == OUT
    assert (await deployment.promotion()).fence == 2


async def test_lease_of_what_has_ended(deployment: FakeDeployment) -> None:
    """No lease is left of a promotion that has ended."""
    assert await deployment.publish() == OUT

    assert [*await deployment.catalogue.read(lambda rows: rows.leases.list())] == []
