"""How a promotion goes on: after an error, a restart, silence, and with somebody else."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stageproxy.core.errors import ConflictError, RefusedError
from stageproxy.core.promotion.journal import Entry, Progress
from stageproxy.core.promotion.promotion import LEASE, LostLeaseError, Publisher, PublishUrls
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.reports import Ending, Report
from tests.support.builders.distributions import Distribution
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import Fault
from tests.support.promotion.promoting import SECRET
from tests.support.promotion.promotions import TARGET
from tests.support.promotion.releasing import TOKEN, Releasing

OTHER = PublishUrls("https://other.example.org/legacy/", TARGET.index_url)
OUT = (Status.PUBLISHED, "")
SILENT = "The publisher reported nothing for 15 minutes."
RESTARTED = "The server was restarted while it was publishing, and the credential"


def once(releasing: Releasing, name: str) -> Iterator[None]:
    """Stop a server the first time that it sends a file of that *name*, and never again."""
    releasing.fake_target.during = lambda sent: setattr(releasing.fake_target, "slow", sent == name)
    yield
    releasing.fake_target.during = lambda _: None
    releasing.fake_target.slow = False


async def stopped(releasing: Releasing, name: str, **order: object) -> None:
    """Have a server begin, and stop it while it sends a file of that *name*."""
    for _ in once(releasing, name):
        async with releasing.server() as server:
            await server.promote(**order)  # type: ignore[arg-type] # as `promote` takes it
            while not releasing.fake_target.slow:
                await server.breathe()


async def test_goes_on_where_it_stopped(releasing: Releasing, sdist: Distribution) -> None:
    """After an error the stage is promoted again, and only what is missing is sent."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    status, reason = await releasing.publish()

    assert status is Status.ERROR
    assert "2 of 3 files are published" in reason
    assert await releasing.publish() == OUT
    assert sorted(releasing.fake_target.sent.values()) == [1, 1, 2]
    assert (await releasing.promotion()).fence == 2


async def test_half_published_stage_is_only_promoted(
    releasing: Releasing, sdist: Distribution
) -> None:
    """Half a release can neither be changed nor given up, nor does it expire."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    await releasing.publish()
    releasing.clock.advance(days=100)
    async with releasing.server() as server:
        with pytest.raises(ConflictError, match="partially published and cannot be canceled"):
            await server.stages.cancel(TOKEN, "s1")
        with pytest.raises(ConflictError, match="partially published and cannot be edited"):
            await server.stages.remove(TOKEN, "s1", sdist.filename)

        assert (await server.stages.get(TOKEN, "s1")).status is Status.ERROR


async def test_doubt_that_ends(releasing: Releasing, wheels: list[Distribution]) -> None:
    """What the index refuses for certain, and does not show, is not out: the stage can be mended.

    One answer that did not come, before it, once locked the release up for ever.
    """
    first = wheels[0].filename
    releasing.fake_target.faults = {(first, 1): Fault.LOST, (first, 2): Fault.REFUSED}
    status, reason = await releasing.publish()

    assert (status, "Nothing was published" in reason) == (Status.ERROR, True)
    async with releasing.server() as server:
        changed = await server.stages.remove(TOKEN, "s1", first)
    assert changed.find_artifact(first) is None


async def test_begin_of_the_release_is_kept(releasing: Releasing, sdist: Distribution) -> None:
    """PyPI counts from the first file: so does every later attempt."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    await releasing.publish()
    releasing.clock.advance(days=2)

    await releasing.publish()

    assert (await releasing.promotion()).first_sent_at == NOON


async def test_changed_stage_has_a_new_journal(
    releasing: Releasing, wheels: list[Distribution], sdist: Distribution
) -> None:
    """If nothing went out the stage may have other files by now, and the journal is theirs."""
    releasing.fake_target.faults = {(wheels[0].filename, 1): Fault.REFUSED}
    await releasing.publish()
    async with releasing.server() as server:
        await server.stages.remove(TOKEN, "s1", wheels[0].filename)

    assert await releasing.publish() == OUT

    journal = await releasing.journal()
    assert {name: one.attempts for name, one in journal.items()} == {
        wheels[1].filename: 1,
        sdist.filename: 1,
    }


@pytest.mark.parametrize("hashed", [True, False], ids=["with hashes", "without hashes"])
async def test_what_is_out_is_not_refused(
    releasing: Releasing, sdist: Distribution, *, hashed: bool
) -> None:
    """Our own files on the index speak against nothing, also where pages have no hashes.

    Such files were once taken for others, and half a release could not go on.
    """
    releasing.fake_target.hashed = hashed
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    await releasing.publish()
    async with releasing.server() as server:
        examination = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    out = {one.filename for one in examination.stage.artifacts} - {sdist.filename}
    assert examination.published == out
    assert await releasing.publish() == OUT


async def test_page_is_read_once(releasing: Releasing, sdist: Distribution) -> None:
    """An examination reads the project page once, also where pages have no hashes."""
    releasing.fake_target.hashed = False
    releasing.fake_target.put(sdist.filename, sdist.sha256)
    async with releasing.server() as server:
        examination = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    assert examination.published == {sdist.filename}
    assert releasing.fake_target.looks == 1


async def test_other_bytes_without_a_hash(releasing: Releasing, sdist: Distribution) -> None:
    """Where pages have no hashes, other bytes are found before anything is sent."""
    releasing.fake_target.hashed = False
    releasing.fake_target.put(sdist.filename, "0" * 64)
    async with releasing.server() as server:
        with pytest.raises(RefusedError, match="File already exists"):
            await server.promote()

    assert releasing.fake_target.sent == {}


async def test_damaged_copy_of_what_is_out(
    releasing: Releasing, wheels: list[Distribution], sdist: Distribution
) -> None:
    """A damaged copy of a file that is out keeps the missing ones not back."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    await releasing.publish()

    releasing.files.remove(wheels[0].sha256)

    assert await releasing.publish() == OUT


async def test_half_a_release_stays_where_it_is(releasing: Releasing, sdist: Distribution) -> None:
    """With other settings the missing half would go elsewhere: it does not."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    await releasing.publish()
    releasing.target = OTHER
    async with releasing.server() as server:
        with pytest.raises(ConflictError, match=r"Set promotion\.repository_url back"):
            await server.promote()

    assert releasing.fake_target.sent[sdist.filename] == 1


async def test_restart(releasing: Releasing, wheels: list[Distribution]) -> None:
    """A server that starts goes on with what the last one was at; nothing is out twice."""
    await stopped(releasing, wheels[1].filename)
    doubtful = (await releasing.journal())[wheels[1].filename]

    async with releasing.server() as server:
        await server.end()

    assert doubtful.progress is Progress.SENDING
    assert await releasing.status() == OUT
    assert (await releasing.promotion()).fence == 2
    assert len(releasing.fake_target.story) == 3


async def test_restart_on_a_full_disk(releasing: Releasing, wheels: list[Distribution]) -> None:
    """A server starts without room to go on, and the next one goes on: it did not start at all."""
    await stopped(releasing, wheels[1].filename)

    releasing.catalogue.is_full = True
    async with releasing.server():
        pass
    releasing.catalogue.is_full = False
    async with releasing.server() as server:
        await server.end()

    assert await releasing.status() == OUT


async def test_restart_without_a_credential(
    releasing: Releasing, wheels: list[Distribution]
) -> None:
    """A credential that came with the request is gone with the server: that ends it."""
    releasing.settings = None
    await stopped(releasing, wheels[1].filename, credential=SECRET)

    async with releasing.server():
        status, reason = await releasing.status()

    assert (status, (await releasing.now()).sent) == (Status.ERROR, True)
    assert reason.startswith(RESTARTED)
    assert "1 of 3 files are published" in reason


async def test_restart_with_a_credential_that_cannot_be_read(
    releasing: Releasing, wheels: list[Distribution], caplog: pytest.LogCaptureFixture
) -> None:
    """A token file that cannot be read ends the promotion; once the server did not even start."""
    await stopped(releasing, wheels[1].filename)
    releasing.settings = None
    releasing.token_file = Path("nowhere")

    async with releasing.server():
        status, reason = await releasing.status()

    assert status is Status.ERROR
    assert ": No such file or directory." in reason
    assert "its promotion stopped" in caplog.text


async def test_restart_with_another_target(
    releasing: Releasing, wheels: list[Distribution]
) -> None:
    """A server that would publish elsewhere by now does not go on."""
    await stopped(releasing, wheels[1].filename)
    releasing.target = OTHER

    async with releasing.server() as server:
        await server.end()

    assert (await releasing.status())[0] is Status.ERROR
    assert releasing.fake_target.sent == {wheels[0].filename: 1, wheels[1].filename: 1}


async def test_restart_leaves_others_alone(releasing: Releasing) -> None:
    """Who publishes elsewhere goes on, whatever becomes of the server."""
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
    before = await releasing.promotion()

    async with releasing.server() as server:
        await server.end()

    assert await releasing.promotion() == before


async def test_silence(releasing: Releasing) -> None:
    """Who says nothing for 15 minutes is not waited for; the old number counts no more."""
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        releasing.clock.moment += LEASE
        await server.promotions.end_lapsed()

        status, reason = await releasing.status()
        with pytest.raises(LostLeaseError):
            await server.reports.accept(TOKEN, "s1", Report(1))
    assert (status, (await releasing.now()).sent) == (Status.ERROR, False)
    assert reason.startswith(SILENT)


async def test_short_silence(releasing: Releasing) -> None:
    """A sign of life counts for 15 minutes. Without news it once did not count at all."""
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        for _ in range(3):
            releasing.clock.moment += LEASE - timedelta(seconds=1)
            await server.promotions.end_lapsed()
            await server.reports.accept(TOKEN, "s1", Report(1))

    assert await releasing.status() == (Status.PROCESSING, "")


async def test_silent_promoter_is_followed_at_once(releasing: Releasing) -> None:
    """Nobody has to wait for a sweep: whoever promotes after 15 minutes of silence goes on."""
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        sending = [Entry(name, Progress.SENDING, NOON, 1) for name in await releasing.journal()]
        await server.reports.accept(TOKEN, "s1", Report(1, sending))
        releasing.clock.moment += LEASE

        await server.promote()

        with pytest.raises(LostLeaseError):
            await server.reports.accept(TOKEN, "s1", Report(1, ending=Ending.ERROR))
        await server.end()
    assert await releasing.status() == OUT


async def test_server_is_not_silent_while_it_sends(
    releasing: Releasing, wheels: list[Distribution]
) -> None:
    """A promotion that this server carries out does not lapse, however long it takes."""
    for _ in once(releasing, wheels[0].filename):
        async with releasing.server() as server:
            await server.promote()
            while not releasing.fake_target.slow:
                await server.breathe()
            releasing.clock.advance(hours=1)
            await server.promotions.end_lapsed()

            assert await releasing.status() == (Status.PROCESSING, "")


async def test_somebody_else_takes_over(
    releasing: Releasing, wheels: list[Distribution], caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is no longer the holder stops at once, and does not say that it failed."""

    def take_over(_: str) -> None:
        rows = releasing.catalogue.committed
        held = rows.tables.promotions["s1"]
        rows.promotions.save(replace(held, fence=7, publisher=Publisher.CLIENT))

    releasing.fake_target.during = take_over
    assert await releasing.publish() == (Status.PROCESSING, "")

    assert releasing.fake_target.sent == {wheels[0].filename: 1}
    assert "another publisher took over" in caplog.text
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
