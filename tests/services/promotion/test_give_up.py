"""Giving up partially published stages: what is public stays, what is not is never sent."""

from dataclasses import replace

import pytest

from stageproxy.core.audit import AuditAction, Event
from stageproxy.core.errors import ConflictError, ForbiddenError, GoneError
from stageproxy.core.promotion.journal import Progress
from stageproxy.core.promotion.promotion import PublishUrls
from stageproxy.core.rights import ApiToken, TokenKind
from stageproxy.core.stage.lifetime import end_message
from stageproxy.core.stage.stage import Status
from tests.support.builders.distributions import Distribution
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import UploadFault
from tests.support.promotion.fake_deployment import TOKEN, FakeDeployment
from tests.support.promotion.promotions import TARGET

UPLOADER = ApiToken("t2", TokenKind.UPLOAD, "demo", None, "e" * 64, NOON)


async def partly_published(deployment: FakeDeployment, sdist: Distribution) -> None:
    """Publish the wheels of a release whose sdist is refused."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    status, _ = await deployment.publish()
    assert status is Status.ERROR


async def unanswered(deployment: FakeDeployment, filename: str) -> None:
    """Publish until a file gets no answer any more, whether or not the index has it."""
    deployment.fake_target.faults = {
        (filename, attempt): UploadFault.LOST for attempt in range(1, 20)
    }
    status, _ = await deployment.publish()
    assert status is Status.ERROR


def last_event(deployment: FakeDeployment) -> Event:
    """Return the last event of the trail."""
    return deployment.catalogue.committed.tables.events[-1].event


async def test_given_up(
    deployment: FakeDeployment, wheels: list[Distribution], sdist: Distribution
) -> None:
    """A given-up stage has ended. It says what is public for ever and what is not published."""
    await partly_published(deployment, sdist)
    async with deployment.server() as server:
        stage = await server.give_up()

    public = ", ".join(one.filename for one in wheels)
    assert stage.status is Status.CANCELED
    assert end_message(stage).endswith(
        f"UTC: given up by t1. Public for ever: {public}. Not published: {sdist.filename}."
    )


async def test_nothing_more_is_sent(deployment: FakeDeployment, sdist: Distribution) -> None:
    """A given-up stage cannot be promoted, neither again nor by a restarted server."""
    await partly_published(deployment, sdist)
    async with deployment.server() as server:
        await server.give_up()
        before = deployment.fake_target.sent.total()
        with pytest.raises(GoneError, match="given up by t1"):
            await server.promote()
    async with deployment.server() as server:
        await server.end()

    assert deployment.fake_target.sent.total() == before


async def test_release_is_free(deployment: FakeDeployment, sdist: Distribution) -> None:
    """The release of a given-up stage is free for a new one."""
    await partly_published(deployment, sdist)
    async with deployment.server() as server:
        await server.give_up()
        stage = await server.stages.open(TOKEN, (await deployment.now()).project, "2.0", None)

    assert stage.status is Status.OPEN


async def test_event(
    deployment: FakeDeployment, wheels: list[Distribution], sdist: Distribution
) -> None:
    """The trail has who gave up a stage, and which files are public, in doubt and unpublished."""
    await partly_published(deployment, sdist)
    async with deployment.server() as server:
        await server.give_up()

    event = last_event(deployment)
    kinds = {key: event.details[key] for key in ("public", "accepted", "unknown", "unpublished")}
    assert (event.action, event.actor) == (AuditAction.PROMOTION_GIVEN_UP, "t1")
    assert kinds == {
        "public": [one.filename for one in wheels],
        "accepted": [],
        "unknown": [],
        "unpublished": [sdist.filename],
    }


async def test_file_in_doubt_that_is_public(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A file in doubt that the index lists by now is named as public, and recorded as confirmed."""
    first, second = wheels
    await unanswered(deployment, first.filename)
    deployment.fake_target.add(first.filename, first.sha256)
    async with deployment.server() as server:
        stage = await server.give_up()

    assert (stage.reason or "").startswith(f"Given up by t1. Public for ever: {first.filename}.")
    assert second.filename in (stage.reason or "").partition("Not published: ")[2]
    assert (await deployment.journal())[first.filename].progress is Progress.CONFIRMED


async def test_file_in_doubt_without_a_hash(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """If the index has no hashes, a file in doubt is downloaded to compare it."""
    await unanswered(deployment, wheels[0].filename)
    deployment.fake_target.add(wheels[0].filename, wheels[0].sha256)
    deployment.fake_target.has_hashes = False
    async with deployment.server() as server:
        stage = await server.give_up()

    assert f"Public for ever: {wheels[0].filename}." in (stage.reason or "")
    assert deployment.fake_target.downloads == 1


async def test_file_in_doubt_with_other_bytes(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A file in doubt is not published if the index lists other bytes under its name."""
    await unanswered(deployment, wheels[0].filename)
    deployment.fake_target.add(wheels[0].filename, "0" * 64)
    async with deployment.server() as server:
        stage = await server.give_up()

    assert wheels[0].filename in (stage.reason or "").partition("Not published: ")[2]


async def test_file_that_stays_in_doubt(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A file in doubt that the index does not list may be published all the same."""
    await unanswered(deployment, wheels[0].filename)
    async with deployment.server() as server:
        stage = await server.give_up()

    assert f"Unknown, because the index did not answer: {wheels[0].filename}." in (
        stage.reason or ""
    )


@pytest.mark.parametrize("failing", ["the index", "the settings"])
async def test_index_that_cannot_be_read(
    deployment: FakeDeployment, wheels: list[Distribution], failing: str
) -> None:
    """A stage can be given up without its index; then the sentence says that nobody checked."""
    await unanswered(deployment, wheels[0].filename)
    if failing == "the index":
        deployment.fake_target.failing_reads = 1
    else:
        deployment.target = PublishUrls(TARGET.repository_url, "https://other.example.org/simple/")
    deployment.fake_target.add(wheels[0].filename, wheels[0].sha256)
    async with deployment.server() as server:
        stage = await server.give_up()

    assert f"Unknown, because the index did not answer: {wheels[0].filename}." in (
        stage.reason or ""
    )
    assert (stage.reason or "").endswith("The index could not be read to check this.")


async def test_nothing_left_to_give_up(deployment: FakeDeployment, sdist: Distribution) -> None:
    """A stage whose files turn out to be public is not given up, but ended by a promotion."""
    await unanswered(deployment, sdist.filename)
    deployment.fake_target.add(sdist.filename, sdist.sha256)
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="has every file of demo"):
            await server.give_up()

    assert await deployment.publish() == (Status.PUBLISHED, "")


async def test_what_cannot_be_given_up(deployment: FakeDeployment, sdist: Distribution) -> None:
    """Only a partially published stage can be given up, and no upload token can do so."""
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="cancel it with `stageproxy stage cancel STAGE`"):
            await server.give_up()
        await deployment.change(status=Status.PROCESSING)
        with pytest.raises(ConflictError, match="stop it with `stageproxy promote STAGE --stop`"):
            await server.give_up()
        await deployment.change(status=Status.OPEN)
    await partly_published(deployment, sdist)
    async with deployment.server() as server:
        with pytest.raises(ForbiddenError):
            await server.ways_out.give_up(UPLOADER, "s1")


async def test_promotion_that_starts_meanwhile(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """A promotion that starts while the index is read wins: nothing is given up."""
    await partly_published(deployment, sdist)

    def start() -> None:
        rows = deployment.catalogue.committed
        stage = rows.tables.stages["s1"]
        rows.stages.save(replace(stage, status=Status.PROCESSING))

    deployment.fake_target.on_read = start
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="is processing and cannot be given up"):
            await server.give_up()
