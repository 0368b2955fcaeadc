"""How a promotion is followed, told of by whoever sends elsewhere, and reminded of."""

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stageproxy.core.errors import ConflictError, NotFoundError, UpstreamUnavailableError
from stageproxy.core.promotion.journal import Entry, Journal, Progress
from stageproxy.core.promotion.outcome import receipt
from stageproxy.core.promotion.promotion import LostLeaseError, Publisher, PublishUrls
from stageproxy.core.stage.stage import Status
from stageproxy.services.promotion.reports import Ending, Report
from stageproxy.services.promotion.view import PromotionView
from tests.support.builders.distributions import Distribution, upload_form
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import FILES, Fault
from tests.support.promotion.releasing import TOKEN, Releasing, Server

OTHER = PublishUrls("https://other.example.org/legacy/", "https://index.example.org/simple/")


async def told(server: Server, *entries: Entry, fence: int = 1, **ending: object) -> PromotionView:
    """Report from elsewhere, and return what is kept."""
    report = Report(fence, entries, **ending)  # type: ignore[arg-type] # fields of a report
    return await server.reports.accept(TOKEN, "s1", report)


async def put_out(releasing: Releasing) -> None:
    """Put all files of the stage on the index."""
    for one in (await releasing.now()).artifacts:
        releasing.fake_target.put(one.filename, one.sha256)


def confirmed(journal: Journal) -> list[Entry]:
    """Return entries of files that are all out."""
    return [
        one.confirmed(f"https://elsewhere.example.org/{one.filename}", NOON)
        for one in journal.values()
    ]


async def test_nobody_has_promoted(releasing: Releasing) -> None:
    """Of a stage that nobody has promoted there is nothing to show."""
    async with releasing.server() as server:
        with pytest.raises(NotFoundError, match="has not been promoted yet"):
            await server.reports.show(TOKEN, "s1")


async def test_shown_while_it_is_sent(releasing: Releasing, wheels: list[Distribution]) -> None:
    """Who looks sees the journal, and how many bytes of which file are out."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        server.promotions.sent["s1"] = {wheels[0].filename: 7}

        shown = await server.reports.show(TOKEN, "s1")

    assert shown == replace(view, sent={wheels[0].filename: 7})


async def test_progress_is_gone_with_the_end(releasing: Releasing) -> None:
    """When all is out nothing is on its way."""
    async with releasing.server() as server:
        await server.promote()
        await server.end()

        shown = await server.reports.show(TOKEN, "s1")

    assert (shown.sent, {one.progress for one in shown.journal.values()}) == (
        {},
        {Progress.CONFIRMED},
    )


async def test_published_elsewhere(releasing: Releasing) -> None:
    """Who publishes elsewhere tells each step, and the stage is published when all is confirmed."""
    await put_out(releasing)
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        first = next(iter(view.journal.values())).sending(NOON)

        shown = await told(server, first)
        assert (shown.journal[first.filename], shown.promotion.first_sent_at) == (first, NOON)
        ended = await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert ended.stage == await releasing.now()
    assert {one.url for one in ended.journal.values()} == {f"{FILES}/{n}" for n in ended.journal}
    assert (ended.stage.status, ended.stage.sent, ended.promotion.ended_at) == (
        Status.PUBLISHED,
        True,
        NOON,
    )


@pytest.mark.parametrize(
    "moment", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
)
async def test_when_is_for_the_server_to_say(releasing: Releasing, moment: datetime) -> None:
    """A clock that is wrong elsewhere does no harm: at the end of time it ended the server."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        first = next(iter(view.journal.values())).sending(moment)
        await told(server, first)
        releasing.clock.advance(minutes=15)

        await server.promotions.end_lapsed()

    assert (await releasing.now()).status is Status.ERROR
    assert (await releasing.journal())[first.filename] == replace(first, changed_at=NOON)


async def test_what_is_out_stays_out(releasing: Releasing) -> None:
    """Nobody makes a stage free to be changed again by saying that nothing is out after all."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        out, *_ = confirmed(view.journal)
        await told(server, out)

        with pytest.raises(ConflictError, match="is recorded as confirmed and cannot become pend"):
            await told(server, *view.journal.values(), ending=Ending.ERROR)

    assert (await releasing.now()).status is Status.PROCESSING
    assert (await releasing.journal())[out.filename] == out


async def test_published_only_when_all_is_confirmed(
    releasing: Releasing, sdist: Distribution
) -> None:
    """Nobody can say that a stage is published of which a file is not confirmed."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        wheels = [one for one in confirmed(view.journal) if one.filename != sdist.filename]

        with pytest.raises(
            ConflictError, match=r"Files that are not confirmed yet: demo-2\.0\.tar\.gz"
        ):
            await told(server, *wheels, ending=Ending.PUBLISHED)

    assert (await releasing.now()).status is Status.PROCESSING


@pytest.mark.parametrize("hashed", [True, False])
async def test_published_only_when_the_server_sees_it(
    releasing: Releasing, sdist: Distribution, *, hashed: bool
) -> None:
    """The server looks for itself, whatever it is told; the very same can be told again.

    Files that are shown without a hash are downloaded only once all are shown.
    """
    releasing.fake_target.hashed = hashed
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await put_out(releasing)
        del releasing.fake_target.taken[sdist.filename]
        with pytest.raises(UpstreamUnavailableError, match=r"not list demo-2\.0\.tar\.gz yet"):
            await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)
        before = (await releasing.now()).status
        await put_out(releasing)

        await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert (before, await releasing.status()) == (Status.PROCESSING, (Status.PUBLISHED, ""))
    assert releasing.fake_target.downloads == (0 if hashed else 3)


@pytest.mark.parametrize("hashed", [True, False])
async def test_not_published_with_other_bytes(
    releasing: Releasing, sdist: Distribution, *, hashed: bool
) -> None:
    """Other bytes under a name of ours are no confirmation, also where only they can tell."""
    releasing.fake_target.hashed = hashed
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await put_out(releasing)
        releasing.fake_target.put(sdist.filename, "0" * 64)

        with pytest.raises(ConflictError, match=r"demo-2\.0\.tar\.gz is already on the index with"):
            await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert await releasing.status() == (Status.PROCESSING, "")


@pytest.mark.parametrize("trouble", [{"blind": 1}, {"unread": 1}], ids=["page", "file"])
async def test_index_that_cannot_be_seen(releasing: Releasing, trouble: dict[str, int]) -> None:
    """An index that does not say what it has confirms nothing: that can be told again."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await put_out(releasing)
        releasing.fake_target.hashed = False
        for name, times in trouble.items():
            setattr(releasing.fake_target, name, times)

        with pytest.raises(UpstreamUnavailableError, match="Could not verify the release"):
            await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)
        await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert await releasing.status() == (Status.PUBLISHED, "")


@pytest.mark.parametrize("target", [None, OTHER], ids=["none", "another"])
async def test_settings_that_have_changed(releasing: Releasing, target: PublishUrls | None) -> None:
    """A server that would publish elsewhere by now, or nowhere, cannot see what is out."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
    await put_out(releasing)
    releasing.target = target

    async with releasing.server() as server:
        with pytest.raises(ConflictError, match=r"[Ss]et promotion\.repository_url|have to be set"):
            await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert await releasing.status() == (Status.PROCESSING, "")


async def test_lease_that_is_lost_while_the_server_looks(releasing: Releasing) -> None:
    """Whoever has taken over meanwhile goes on, and nothing is published for the former holder."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await put_out(releasing)
        taken = replace(view.promotion, fence=7)
        releasing.fake_target.on_look = lambda: releasing.catalogue.committed.promotions.save(taken)

        with pytest.raises(LostLeaseError):
            await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert (await releasing.now()).status is Status.PROCESSING
    assert await releasing.promotion() == taken


async def test_hearsay_is_seen_by_who_goes_on(releasing: Releasing, sdist: Distribution) -> None:
    """A server that goes on takes nobody's word: what it does not see is not published.

    It took what was told for what it had seen.
    """
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await told(server, *confirmed(view.journal), ending=Ending.ERROR, reason="Enough.")
        await put_out(releasing)
        del releasing.fake_target.taken[sdist.filename]

    status, reason = await releasing.publish()

    assert status is Status.ERROR
    assert reason.startswith("demo-2.0.tar.gz was accepted, but the index does not list it yet.")
    assert "2 of 3 files are published" in reason


async def test_failed_elsewhere(releasing: Releasing) -> None:
    """Who publishes elsewhere says why it goes no further; what is out is told along with it."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        out, *_ = confirmed(view.journal)

        shown = await told(server, out, ending=Ending.ERROR, reason="The runner gave up.")

    assert (shown.stage.status, shown.stage.sent) == (Status.ERROR, True)
    assert (shown.stage.reason or "").startswith("The runner gave up. 1 of 3 files are published")


@pytest.mark.parametrize("fence", [0, 2])
async def test_other_holders_are_refused(releasing: Releasing, fence: int) -> None:
    """What comes from somebody else than the present holder changes nothing."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)

        with pytest.raises(LostLeaseError):
            await told(server, *confirmed(view.journal), fence=fence)

    assert (await releasing.journal(), await releasing.promotion()) == (
        view.journal,
        view.promotion,
    )


async def test_file_that_was_not_approved(releasing: Releasing) -> None:
    """A journal has the files that were approved, no others."""
    async with releasing.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        foreign = Entry("other-2.0.tar.gz", Progress.SENT, NOON)

        with pytest.raises(ConflictError, match="is not one of the approved files"):
            await told(server, *confirmed(view.journal), foreign)

    assert await releasing.journal() == view.journal


async def test_journal_of_the_server(releasing: Releasing) -> None:
    """Nobody tells the server what it does itself."""
    releasing.fake_target.slow = True
    async with releasing.server() as server:
        view = await server.promote()

        with pytest.raises(ConflictError, match="The server publishes this stage itself"):
            await told(server, *confirmed(view.journal), ending=Ending.PUBLISHED)


async def test_stage_that_is_not_published(releasing: Releasing) -> None:
    """Of a stage that is not being published nobody can tell anything."""
    async with releasing.server() as server:
        with pytest.raises(ConflictError, match="The stage is not being published"):
            await told(server)


async def test_receipt(releasing: Releasing) -> None:
    """What is published has a receipt."""
    async with releasing.server() as server:
        await server.promote()
        await server.end()
        shown = await server.reports.receipt(TOKEN, "s1")

    expected = receipt(
        await releasing.now(), await releasing.promotion(), await releasing.journal()
    )
    assert shown == expected


async def test_no_receipt_before_the_end(releasing: Releasing) -> None:
    """What is not published yet has no receipt."""
    async with releasing.server() as server:
        await server.promote(publisher=Publisher.CLIENT)

        with pytest.raises(ConflictError, match="Only a published stage has a receipt"):
            await server.reports.receipt(TOKEN, "s1")


async def test_form(releasing: Releasing, sdist: Distribution) -> None:
    """Who publishes elsewhere gets the form as it came."""
    async with releasing.server() as server:
        form = await server.reports.form(TOKEN, "s1", sdist.filename)
        with pytest.raises(NotFoundError, match="has no file other"):
            await server.reports.form(TOKEN, "s1", "other.whl")

    assert form == tuple(upload_form(sdist))


async def test_reminders(
    releasing: Releasing, sdist: Distribution, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a release is warned of from day 3 daily, from day 10 hourly, until it is whole."""
    releasing.fake_target.faults = {(sdist.filename, 1): Fault.REFUSED}
    await releasing.publish()
    caplog.set_level(logging.WARNING)
    caplog.clear()
    said: dict[int, int] = {}
    async with releasing.server() as server:
        for hour in range(24 * 11):
            await server.reports.remind()
            releasing.clock.advance(hours=1)
            said[hour // 24] = len(caplog.records)

    assert said == {0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 5: 3, 6: 4, 7: 5, 8: 6, 9: 7, 10: 31}
    assert caplog.messages[0] == (
        "stage s1: partially published since 2026-11-22; PyPI closes the release on 2026-12-06"
    )


async def test_no_reminder_of_what_is_not_out(
    releasing: Releasing, wheels: list[Distribution], caplog: pytest.LogCaptureFixture
) -> None:
    """Of a stage whose first file was refused nothing is out: it was once called half published."""
    releasing.fake_target.faults = {(wheels[0].filename, 1): Fault.REFUSED}
    await releasing.publish()
    caplog.clear()
    releasing.clock.advance(days=4)
    async with releasing.server() as server:
        await server.reports.remind()

    assert caplog.messages == []


async def test_no_reminder_of_what_is_whole(
    releasing: Releasing, caplog: pytest.LogCaptureFixture
) -> None:
    """A release that is whole needs nobody."""
    await releasing.publish()
    releasing.clock.advance(days=11)
    async with releasing.server() as server:
        await server.reports.remind()

    assert "partially published" not in caplog.text
