"""Promotions that resume after an error, a restart, silence, or under another holder."""

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
from tests.support.ports.fake_publish_target import UploadFault
from tests.support.promotion.fake_deployment import TOKEN, FakeDeployment
from tests.support.promotion.fake_promotion import SECRET
from tests.support.promotion.promotions import TARGET

OTHER = PublishUrls("https://other.example.org/legacy/", TARGET.index_url)
OUT = (Status.PUBLISHED, "")
SILENT = "The publisher reported nothing for 15 minutes."
RESTARTED = "The server was restarted while it was publishing, and the credential"


def once(deployment: FakeDeployment, name: str) -> Iterator[None]:
    """Return a hook that stops a server the first time that it sends a file of that *name*."""
    deployment.fake_target.on_upload = lambda sent: setattr(
        deployment.fake_target, "slow", sent == name
    )
    yield
    deployment.fake_target.on_upload = lambda _: None
    deployment.fake_target.slow = False


async def stopped(deployment: FakeDeployment, name: str, **order: object) -> None:
    """Start a promotion and stop its server while it sends a file of that *name*."""
    for _ in once(deployment, name):
        async with deployment.server() as server:
            await server.promote(**order)  # type: ignore[arg-type] # passed on to `promote`
            while not deployment.fake_target.slow:
                await server.run_briefly()


async def test_resumes_where_it_stopped(deployment: FakeDeployment, sdist: Distribution) -> None:
    """After an error, only the missing files are sent."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    status, reason = await deployment.publish()

    assert status is Status.ERROR
    assert "2 of 3 files are published" in reason
    assert await deployment.publish() == OUT
    assert sorted(deployment.fake_target.sent.values()) == [1, 1, 2]
    assert (await deployment.promotion()).fence == 2


async def test_half_published_stage_is_not_canceled(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """A half-published stage cannot be canceled or extended, and does not expire."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    deployment.clock.advance(days=100)
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="partially published and cannot be canceled"):
            await server.stages.cancel(TOKEN, "s1")
        with pytest.raises(ConflictError, match=r"be extended\. It does not expire\."):
            await server.stages.extend(TOKEN, "s1", timedelta(days=1))

        assert (await server.stages.get(TOKEN, "s1")).status is Status.ERROR


async def test_doubt_that_ends(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """A file that the index refuses and does not list is not published: the stage can be changed.

    A missing answer before the refusal locked the stage forever once.
    """
    first = wheels[0].filename
    deployment.fake_target.faults = {(first, 1): UploadFault.LOST, (first, 2): UploadFault.REFUSED}
    status, reason = await deployment.publish()

    assert (status, "Nothing was published" in reason) == (Status.ERROR, True)
    async with deployment.server() as server:
        changed = await server.stages.remove(TOKEN, "s1", first)
    assert changed.find_artifact(first) is None


async def test_start_of_the_release_is_stored(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """PyPI closes a release two weeks after its first file, whichever attempt sent it."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    deployment.clock.advance(days=2)

    await deployment.publish()

    assert (await deployment.promotion()).first_sent_at == NOON


async def test_changed_stage_has_a_new_journal(
    deployment: FakeDeployment, wheels: list[Distribution], sdist: Distribution
) -> None:
    """If nothing was published, the stage can have other files, and gets a new journal."""
    deployment.fake_target.faults = {(wheels[0].filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    async with deployment.server() as server:
        await server.stages.remove(TOKEN, "s1", wheels[0].filename)

    assert await deployment.publish() == OUT

    journal = await deployment.journal()
    assert {name: one.attempts for name, one in journal.items()} == {
        wheels[1].filename: 1,
        sdist.filename: 1,
    }


@pytest.mark.parametrize("hashed", [True, False], ids=["with hashes", "without hashes"])
async def test_published_files_are_not_refused(
    deployment: FakeDeployment, sdist: Distribution, *, hashed: bool
) -> None:
    """The staged files on the index are not refused, even on pages without hashes.

    They counted as other files once, and a half-published release could not resume.
    """
    deployment.fake_target.has_hashes = hashed
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    async with deployment.server() as server:
        examination = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    out = {one.filename for one in examination.stage.artifacts} - {sdist.filename}
    assert examination.published == out
    assert await deployment.publish() == OUT


async def test_page_is_read_once(deployment: FakeDeployment, sdist: Distribution) -> None:
    """An examination reads the project page once, also where pages have no hashes."""
    deployment.fake_target.has_hashes = False
    deployment.fake_target.add(sdist.filename, sdist.sha256)
    async with deployment.server() as server:
        examination = await server.promotions.examine(TOKEN, "s1", Publisher.SERVER)

    assert examination.published == {sdist.filename}
    assert deployment.fake_target.reads == 1


async def test_other_bytes_without_a_hash(deployment: FakeDeployment, sdist: Distribution) -> None:
    """On pages without hashes, other bytes are found before anything is sent."""
    deployment.fake_target.has_hashes = False
    deployment.fake_target.add(sdist.filename, "0" * 64)
    async with deployment.server() as server:
        with pytest.raises(RefusedError, match="File already exists"):
            await server.promote()

    assert deployment.fake_target.sent == {}


async def test_damaged_copy_of_a_published_file(
    deployment: FakeDeployment, wheels: list[Distribution], sdist: Distribution
) -> None:
    """A damaged copy of a published file does not stop the missing ones."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    await deployment.publish()

    deployment.files.remove(wheels[0].sha256)

    assert await deployment.publish() == OUT


async def test_half_published_release_stays_on_its_index(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """With another upload API in the settings, a half-published release does not resume."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    deployment.target = OTHER
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match=r"Set promotion\.repository_url back"):
            await server.promote()

    assert deployment.fake_target.sent[sdist.filename] == 1


async def test_restart(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """A server that starts resumes the promotions of the last one; no file is published twice."""
    await stopped(deployment, wheels[1].filename)
    doubtful = (await deployment.journal())[wheels[1].filename]

    async with deployment.server() as server:
        await server.end()

    assert doubtful.progress is Progress.SENDING
    assert await deployment.status() == OUT
    assert (await deployment.promotion()).fence == 2
    assert len(deployment.fake_target.acceptances) == 3


async def test_restart_on_a_full_disk(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A server starts on a full disk, and the next one resumes. It did not start once."""
    await stopped(deployment, wheels[1].filename)

    deployment.catalogue.is_full = True
    async with deployment.server():
        pass
    deployment.catalogue.is_full = False
    async with deployment.server() as server:
        await server.end()

    assert await deployment.status() == OUT


async def test_restart_without_a_credential(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A credential of the request is lost with the server, which ends the promotion."""
    deployment.settings = None
    await stopped(deployment, wheels[1].filename, credential=SECRET)

    async with deployment.server():
        status, reason = await deployment.status()

    assert (status, (await deployment.now()).sent) == (Status.ERROR, True)
    assert reason.startswith(RESTARTED)
    assert "1 of 3 files are published" in reason


async def test_restart_with_an_unreadable_token_file(
    deployment: FakeDeployment, wheels: list[Distribution], caplog: pytest.LogCaptureFixture
) -> None:
    """An unreadable token file ends the promotion. The server did not start once."""
    await stopped(deployment, wheels[1].filename)
    deployment.settings = None
    deployment.token_file = Path("nowhere")

    async with deployment.server():
        status, reason = await deployment.status()

    assert status is Status.ERROR
    assert ": No such file or directory." in reason
    assert "its promotion stopped" in caplog.text


async def test_restart_with_another_target(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A server with another publish target does not resume."""
    await stopped(deployment, wheels[1].filename)
    deployment.target = OTHER

    async with deployment.server() as server:
        await server.end()

    assert (await deployment.status())[0] is Status.ERROR
    assert deployment.fake_target.sent == {wheels[0].filename: 1, wheels[1].filename: 1}


async def test_restart_does_not_touch_clients(deployment: FakeDeployment) -> None:
    """A client that publishes goes on while the server restarts."""
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
    before = await deployment.promotion()

    async with deployment.server() as server:
        await server.end()

    assert await deployment.promotion() == before


async def test_silence(deployment: FakeDeployment) -> None:
    """After 15 minutes of silence another client can take over, and the old fence is refused."""
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        deployment.clock.time += LEASE
        await server.promotions.end_lapsed()

        status, reason = await deployment.status()
        with pytest.raises(LostLeaseError):
            await server.reports.accept(TOKEN, "s1", Report(1))
    assert (status, (await deployment.now()).sent) == (Status.ERROR, False)
    assert reason.startswith(SILENT)


async def test_short_silence(deployment: FakeDeployment) -> None:
    """A renewal counts for 15 minutes. Without new entries it did not count once."""
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        for _ in range(3):
            deployment.clock.time += LEASE - timedelta(seconds=1)
            await server.promotions.end_lapsed()
            await server.reports.accept(TOKEN, "s1", Report(1))

    assert await deployment.status() == (Status.PROCESSING, "")


async def test_silent_client_is_replaced_at_once(deployment: FakeDeployment) -> None:
    """A promotion after 15 minutes of silence does not wait for a sweep."""
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)
        sending = [Entry(name, Progress.SENDING, NOON, 1) for name in await deployment.journal()]
        await server.reports.accept(TOKEN, "s1", Report(1, sending))
        deployment.clock.time += LEASE

        await server.promote()

        with pytest.raises(LostLeaseError):
            await server.reports.accept(TOKEN, "s1", Report(1, ending=Ending.ERROR))
        await server.end()
    assert await deployment.status() == OUT


async def test_server_is_not_silent_while_it_sends(
    deployment: FakeDeployment, wheels: list[Distribution]
) -> None:
    """A promotion of the server does not lapse, however long it takes."""
    for _ in once(deployment, wheels[0].filename):
        async with deployment.server() as server:
            await server.promote()
            while not deployment.fake_target.slow:
                await server.run_briefly()
            deployment.clock.advance(hours=1)
            await server.promotions.end_lapsed()

            assert await deployment.status() == (Status.PROCESSING, "")


async def test_takeover(
    deployment: FakeDeployment, wheels: list[Distribution], caplog: pytest.LogCaptureFixture
) -> None:
    """A server that lost the lease stops at once and does not report a failure."""

    def take_over(_: str) -> None:
        rows = deployment.catalogue.committed
        held = rows.tables.promotions["s1"]
        rows.promotions.save(replace(held, fence=7, publisher=Publisher.CLIENT))

    deployment.fake_target.on_upload = take_over
    assert await deployment.publish() == (Status.PROCESSING, "")

    assert deployment.fake_target.sent == {wheels[0].filename: 1}
    assert "another publisher took it over" in caplog.text
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
