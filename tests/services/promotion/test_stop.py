"""Stops of running promotions: at once, or when what is being sent is complete."""

import asyncio

import pytest

from stageproxy.core.audit import AuditAction
from stageproxy.core.errors import ConflictError, ForbiddenError, NotFoundError
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import Publisher
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.reports import Report
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import UploadFault
from tests.support.promotion.fake_deployment import TOKEN, FakeDeployment

STOPPED = "Stopped by t1."
NOTHING = (
    f"{STOPPED} Nothing was published. Change the stage if necessary and run "
    "`stageproxy promote STAGE` again."
)
OTHER = ApiToken("t3", TokenKind.MANAGE, "demo", None, "f" * 64, NOON)
UPLOADER = ApiToken("t2", TokenKind.UPLOAD, "demo", None, "e" * 64, NOON)


def gated(deployment: FakeDeployment, file: Distribution) -> asyncio.Event:
    """Return what the uploads of a file wait for."""
    gate = deployment.fake_target.gates[file.filename] = asyncio.Event()
    return gate


def sending(filename: str) -> Entry:
    """Return the entry of a file that is being sent for the first time."""
    return Entry(filename, Progress.PENDING, NOON).sending(NOON)


async def test_stop_before_anything_was_sent(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """A promotion that has sent nothing stops at once, and the stage can be edited again."""
    async with deployment.server() as server:
        fence = (await server.promote(publisher=Publisher.CLIENT)).promotion.fence
        view = await server.stop()
        edited = await server.stages.remove(TOKEN, "s1", sdist.filename)
        with pytest.raises(ConflictError, match="has ended"):
            await server.reports.accept(TOKEN, "s1", Report(fence, [sending("demo.whl")]))

    assert (view.stage.status, view.stage.reason) == (Status.ERROR, NOTHING)
    assert edited.find_artifact(sdist.filename) is None


async def test_stop_of_a_server_that_has_sent_nothing(deployment: FakeDeployment) -> None:
    """A server that was stopped before its first file sends none."""
    async with deployment.server() as server:
        await server.promote()
        await server.stop()
        await server.end()

    assert await deployment.status() == (Status.ERROR, NOTHING)
    assert deployment.fake_target.sent == {}


async def test_stop_while_a_file_is_sent(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """The file that is being sent is sent completely, and no other after it."""
    gate = gated(deployment, wheels[0])
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(wheels[0].filename)
        first = await server.stop()
        gate.set()
        await server.end()

    status, reason = await deployment.status()
    assert (first.stage.status, status) == (Status.PROCESSING, Status.ERROR)
    assert deployment.fake_target.acceptances == [
        (wheels[0].filename, frozenset({wheels[0].filename}))
    ]
    assert reason.startswith(
        f"{STOPPED} 0 of 3 files are published. "
        f"Accepted, but not listed by the index yet: {wheels[0].filename}. "
        "Run `stageproxy promote STAGE` again to publish the rest."
    )


async def test_stop_while_files_are_sent_in_parallel() -> None:
    """All files that are being sent are completed, and those that wait for them are not begun."""
    deployment = FakeDeployment()
    release = [a_wheel(version="2.0", tag=f"cp3{one}-none-any") for one in range(10, 18)]
    await deployment.stage(*release, an_sdist(version="2.0"))
    first, *others = [one.filename for one in release]
    gates = deployment.fake_target.gates = {one: asyncio.Event() for one in (first, *others)}
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(first)
        gates[first].set()
        await server.until_sending(*others[:4])
        await server.stop()
        gates[others[0]].set()
        while others[0] in deployment.fake_target.running:
            await server.run_briefly()
        await server.run_briefly()
        still_running = set(deployment.fake_target.running)
        for gate in gates.values():
            gate.set()
        await server.end()

    journal = await deployment.journal()
    assert still_running == set(others[1:4])
    assert sorted(deployment.fake_target.sent) == [first, *others[:4]]
    assert {journal[name].progress for name in others[:4]} == {Progress.SENT}
    assert {journal[name].progress for name in others[4:]} == {Progress.PENDING}
    assert (await deployment.status())[0] is Status.ERROR


async def test_stop_while_the_index_is_busy(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A promotion that waits for a busy index stops at once, and does not send the file again."""
    deployment.fake_target.faults = {(wheels[0].filename, 1): UploadFault.BUSY}
    paused, resumed = asyncio.Event(), asyncio.Event()
    deployment.pausing = (paused, resumed)
    async with deployment.server() as server:
        await server.promote()
        await paused.wait()
        view = await server.stop()
        resumed.set()
        await server.end()

    assert view.stage.status is Status.ERROR
    assert f"Unknown, because the index did not answer: {wheels[0].filename}." in (
        view.stage.reason or ""
    )
    assert deployment.fake_target.sent == {wheels[0].filename: 1}


async def test_resumed_after_a_stop(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """A promotion that was stopped is resumed like any other: each file is sent once."""
    gate = gated(deployment, wheels[0])
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(wheels[0].filename)
        await server.stop()
        gate.set()
        await server.end()

    assert await deployment.publish() == (Status.PUBLISHED, "")
    assert set(deployment.fake_target.sent.values()) == {1}


async def test_stop_twice(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """The second stop changes nothing, whether the promotion still runs or has ended."""
    gate = gated(deployment, wheels[0])
    await deployment.catalogue.write(lambda rows: rows.tokens.save(OTHER))
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(wheels[0].filename)
        await server.stop()
        await server.ways_out.stop(OTHER, "s1")
        gate.set()
        await server.end()
        last = await server.stop()

    assert (last.stage.reason or "").startswith(STOPPED)
    actions = [one.event.action for one in deployment.catalogue.committed.tables.events]
    assert actions.count(AuditAction.PROMOTION_STOP_REQUESTED) == 1
    assert actions[-1] is AuditAction.PROMOTION_STOPPED


async def test_stopped_promotion_is_not_resumed_by_a_restart(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A server that restarts ends a promotion that was stopped, and sends nothing more."""
    deployment.fake_target.slow = True
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(wheels[0].filename)
        await server.stop()
    deployment.fake_target.slow = False
    async with deployment.server() as server:
        await server.end()

    status, reason = await deployment.status()
    assert (status, reason.startswith(STOPPED)) == (Status.ERROR, True)
    assert f"Unknown, because the index did not answer: {wheels[0].filename}." in reason
    assert deployment.fake_target.sent == {wheels[0].filename: 1}


async def test_stop_of_a_client(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """A client completes the file that it sends; a file that it begins after that is refused."""
    first, second = (sending(one.filename) for one in wheels)
    async with deployment.server() as server:
        fence = (await server.promote(publisher=Publisher.CLIENT)).promotion.fence
        await server.reports.accept(TOKEN, "s1", Report(fence, [first]))
        await server.stop()
        again = await server.reports.accept(TOKEN, "s1", Report(fence, [first]))
        with pytest.raises(ConflictError, match="was stopped"):
            await server.reports.accept(TOKEN, "s1", Report(fence, [second]))
        refused = first.refused_in_doubt(NOON)
        last = await server.reports.accept(TOKEN, "s1", Report(fence, [refused]))

    assert (again.stage.status, last.stage.status) == (Status.PROCESSING, Status.ERROR)
    assert (last.stage.reason or "").startswith(STOPPED)


async def test_stop_of_a_client_that_is_gone(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """The promotion of a client that reports nothing more ends as stopped when its lease lapses."""
    async with deployment.server() as server:
        fence = (await server.promote(publisher=Publisher.CLIENT)).promotion.fence
        await server.reports.accept(TOKEN, "s1", Report(fence, [sending(wheels[0].filename)]))
        running = await server.stop()
        deployment.clock.advance(minutes=16)
        await server.promotions.end_lapsed()

    status, reason = await deployment.status()
    assert (running.stage.status, status) == (Status.PROCESSING, Status.ERROR)
    assert reason.startswith(STOPPED)


async def test_stop_of_a_lapsed_client(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A promotion whose client has been silent for 15 minutes stops at once."""
    async with deployment.server() as server:
        fence = (await server.promote(publisher=Publisher.CLIENT)).promotion.fence
        await server.reports.accept(TOKEN, "s1", Report(fence, [sending(wheels[0].filename)]))
        deployment.clock.advance(minutes=16)
        view = await server.stop()

    assert (view.stage.status, (view.stage.reason or "")[: len(STOPPED)]) == (Status.ERROR, STOPPED)


async def test_stop_of_a_promotion_that_nobody_carries_out(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A promotion that no server carries out any more stops at once."""
    deployment.fake_target.slow = True
    async with deployment.server() as server:
        await server.promote()
        await server.until_sending(wheels[0].filename)
    await server.ways_out.stop(TOKEN, "s1")

    assert (await deployment.status())[0] is Status.ERROR


async def test_what_cannot_be_stopped(deployment: FakeDeployment) -> None:
    """A stage that is open or published cannot be stopped, and an upload token stops nothing."""
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="is open and cannot be stopped"):
            await server.ways_out.stop(TOKEN, "s1")
        with pytest.raises(ForbiddenError):
            await server.ways_out.stop(UPLOADER, "s1")
        with pytest.raises(NotFoundError):
            await server.ways_out.stop(
                ApiToken("t0", TokenKind.ADMIN, "*", None, "a" * 64, NOON), "s2"
            )
        await server.promote()
        await server.end()
        with pytest.raises(ConflictError, match="is published and cannot be stopped"):
            await server.ways_out.stop(TOKEN, "s1")


async def test_events_of_a_stop(deployment: FakeDeployment) -> None:
    """The trail has who stopped a promotion, and how it ended."""
    await deployment.catalogue.write(lambda rows: rows.tokens.save(OTHER))
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        await server.ways_out.stop(OTHER, "s1")

    requested, stopped = (one.event for one in deployment.catalogue.committed.tables.events[-2:])
    identity = {
        "manifest-digest": await deployment.digest(),
        "publisher": "client",
        "way": "here",
        "fence": 1,
    }
    assert (requested.action, requested.actor, requested.details) == (
        AuditAction.PROMOTION_STOP_REQUESTED,
        "t3",
        identity,
    )
    assert (stopped.action, stopped.details["sent"]) == (AuditAction.PROMOTION_STOPPED, False)
