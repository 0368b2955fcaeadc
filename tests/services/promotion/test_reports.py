"""Promotions as their readers see them, reports of clients, and reminders."""

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
from stageproxy.services.promotion.transactions import LiveProgress, PromotionView
from tests.support.builders.distributions import Distribution, upload_form
from tests.support.ports.clock import NOON
from tests.support.ports.fake_publish_target import FILES, UploadFault
from tests.support.promotion.fake_deployment import TOKEN, FakeDeployment, PublishingServer

OTHER = PublishUrls("https://other.example.org/legacy/", "https://index.example.org/simple/")


async def report(
    server: PublishingServer, *entries: Entry, fence: int = 1, **ending: object
) -> PromotionView:
    """Report as a client, and return the stored promotion."""
    report = Report(fence, entries, **ending)  # type: ignore[arg-type] # fields of a report
    return await server.reports.accept(TOKEN, "s1", report)


async def publish_all(deployment: FakeDeployment) -> None:
    """Put all files of the stage on the index."""
    for one in (await deployment.now()).artifacts:
        deployment.fake_target.add(one.filename, one.sha256)


def confirmed(journal: Journal) -> list[Entry]:
    """Return confirmed entries of all files."""
    return [
        one.confirmed(f"https://elsewhere.example.org/{one.filename}", NOON)
        for one in journal.values()
    ]


async def test_stage_without_a_promotion(deployment: FakeDeployment) -> None:
    """A stage that was never promoted has no promotion."""
    async with deployment.server() as server:
        with pytest.raises(NotFoundError, match="has not been promoted yet"):
            await server.reports.show(TOKEN, "s1")


async def test_progress_is_shown(deployment: FakeDeployment, wheels: list[Distribution]) -> None:
    """A promotion has its journal, the bytes sent of each file, and what it waits for."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        server.promotions.live["s1"] = LiveProgress(
            {wheels[0].filename: 7}, "Waiting for the index."
        )

        shown = await server.reports.show(TOKEN, "s1")

    assert shown == replace(view, sent={wheels[0].filename: 7}, waits_for="Waiting for the index.")


async def test_progress_ends_with_the_promotion(deployment: FakeDeployment) -> None:
    """After the end, no bytes are being sent."""
    async with deployment.server() as server:
        await server.promote()
        await server.end()

        view = await server.reports.show(TOKEN, "s1")

    assert (view.sent, {one.progress for one in view.journal.values()}) == (
        {},
        {Progress.CONFIRMED},
    )


async def test_client_publishes(deployment: FakeDeployment) -> None:
    """A client reports each step, and the stage is published when every file is confirmed."""
    await publish_all(deployment)
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        first = next(iter(view.journal.values())).sending(NOON)

        reported = await report(server, first)
        assert (reported.journal[first.filename], reported.promotion.first_sent_at) == (first, NOON)
        ended = await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert ended.stage == await deployment.now()
    assert {one.url for one in ended.journal.values()} == {f"{FILES}/{n}" for n in ended.journal}
    assert (ended.stage.status, ended.stage.sent, ended.promotion.ended_at) == (
        Status.PUBLISHED,
        True,
        NOON,
    )


@pytest.mark.parametrize(
    "time", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
)
async def test_times_are_those_of_the_server(deployment: FakeDeployment, time: datetime) -> None:
    """A wrong clock of a client does no harm. A time of year 9999 ended the server once."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        first = next(iter(view.journal.values())).sending(time)
        await report(server, first)
        deployment.clock.advance(minutes=15)

        await server.promotions.end_lapsed()

    assert (await deployment.now()).status is Status.ERROR
    assert (await deployment.journal())[first.filename] == replace(first, changed_at=NOON)


async def test_published_file_stays_published(deployment: FakeDeployment) -> None:
    """A report that no file is published does not unlock the stage."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        out, *_ = confirmed(view.journal)
        await report(server, out)

        with pytest.raises(ConflictError, match="is recorded as confirmed and cannot become pend"):
            await report(server, *view.journal.values(), ending=Ending.ERROR)

    assert (await deployment.now()).status is Status.PROCESSING
    assert (await deployment.journal())[out.filename] == out


async def test_unconfirmed_file_is_not_published(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """A stage with an unconfirmed file cannot be reported as published."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        wheels = [one for one in confirmed(view.journal) if one.filename != sdist.filename]

        with pytest.raises(
            ConflictError, match=r"Files that are not confirmed yet: demo-2\.0\.tar\.gz"
        ):
            await report(server, *wheels, ending=Ending.PUBLISHED)

    assert (await deployment.now()).status is Status.PROCESSING


@pytest.mark.parametrize("hashed", [True, False])
async def test_server_verifies_the_release(
    deployment: FakeDeployment, sdist: Distribution, *, hashed: bool
) -> None:
    """The server checks the index itself; the same report can be sent again.

    Files that are listed without a hash are downloaded once all are listed.
    """
    deployment.fake_target.has_hashes = hashed
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await publish_all(deployment)
        del deployment.fake_target.accepted[sdist.filename]
        with pytest.raises(UpstreamUnavailableError, match=r"not list demo-2\.0\.tar\.gz yet"):
            await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)
        before = (await deployment.now()).status
        await publish_all(deployment)

        await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert (before, await deployment.status()) == (Status.PROCESSING, (Status.PUBLISHED, ""))
    assert deployment.fake_target.downloads == (0 if hashed else 3)


@pytest.mark.parametrize("hashed", [True, False])
async def test_other_bytes_are_not_published(
    deployment: FakeDeployment, sdist: Distribution, *, hashed: bool
) -> None:
    """Other bytes under a staged filename confirm nothing, even if the page has no hash."""
    deployment.fake_target.has_hashes = hashed
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await publish_all(deployment)
        deployment.fake_target.add(sdist.filename, "0" * 64)

        with pytest.raises(ConflictError, match=r"demo-2\.0\.tar\.gz is already on the index with"):
            await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert await deployment.status() == (Status.PROCESSING, "")


@pytest.mark.parametrize("failing", ["failing_reads", "failing_downloads"])
async def test_unreadable_index_confirms_nothing(deployment: FakeDeployment, failing: str) -> None:
    """If the index does not answer, the report can be sent again."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await publish_all(deployment)
        deployment.fake_target.has_hashes = False
        setattr(deployment.fake_target, failing, 1)

        with pytest.raises(UpstreamUnavailableError, match="Could not verify the release"):
            await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)
        await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert await deployment.status() == (Status.PUBLISHED, "")


@pytest.mark.parametrize("target", [None, OTHER], ids=["none", "another"])
async def test_changed_settings(deployment: FakeDeployment, target: PublishUrls | None) -> None:
    """A server with another target, or none, cannot verify the release."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
    await publish_all(deployment)
    deployment.target = target

    async with deployment.server() as server:
        with pytest.raises(ConflictError, match=r"[Ss]et promotion\.repository_url|have to be set"):
            await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert await deployment.status() == (Status.PROCESSING, "")


async def test_lease_that_is_lost_during_the_verification(deployment: FakeDeployment) -> None:
    """A client that took over meanwhile goes on; the report of the former one changes nothing."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await publish_all(deployment)
        taken_over = replace(view.promotion, fence=7)
        deployment.fake_target.on_read = lambda: deployment.catalogue.committed.promotions.save(
            taken_over
        )

        with pytest.raises(LostLeaseError):
            await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)

    assert (await deployment.now()).status is Status.PROCESSING
    assert await deployment.promotion() == taken_over


async def test_reported_files_are_verified_by_the_next_holder(
    deployment: FakeDeployment, sdist: Distribution
) -> None:
    """A server that takes over verifies the files that a client reported.

    It believed the report once.
    """
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        await report(server, *confirmed(view.journal), ending=Ending.ERROR, reason="Enough.")
        await publish_all(deployment)
        del deployment.fake_target.accepted[sdist.filename]

    status, reason = await deployment.publish()

    assert status is Status.ERROR
    assert reason.startswith("demo-2.0.tar.gz was accepted, but the index does not list it yet.")
    assert "2 of 3 files are published" in reason


async def test_client_fails(deployment: FakeDeployment) -> None:
    """A client reports why it stopped; the reason names the published files."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        out, *_ = confirmed(view.journal)

        ended = await report(server, out, ending=Ending.ERROR, reason="The runner gave up.")

    assert (ended.stage.status, ended.stage.sent) == (Status.ERROR, True)
    assert (ended.stage.reason or "").startswith("The runner gave up. 1 of 3 files are published")


@pytest.mark.parametrize("fence", [0, 2])
async def test_other_holders_are_refused(deployment: FakeDeployment, fence: int) -> None:
    """A report with another fence than the present holder's changes nothing."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)

        with pytest.raises(LostLeaseError):
            await report(server, *confirmed(view.journal), fence=fence)

    assert (await deployment.journal(), await deployment.promotion()) == (
        view.journal,
        view.promotion,
    )


async def test_unknown_file_is_refused(deployment: FakeDeployment) -> None:
    """A journal has the approved files only."""
    async with deployment.server() as server:
        view = await server.promote(publisher=Publisher.CLIENT)
        foreign = Entry("other-2.0.tar.gz", Progress.SENT, NOON)

        with pytest.raises(ConflictError, match="is not one of the approved files"):
            await report(server, *confirmed(view.journal), foreign)

    assert await deployment.journal() == view.journal


async def test_client_cannot_report_for_the_server(deployment: FakeDeployment) -> None:
    """A client cannot report on a promotion of the server."""
    deployment.fake_target.slow = True
    async with deployment.server() as server:
        view = await server.promote()

        with pytest.raises(ConflictError, match="The server publishes this stage itself"):
            await report(server, *confirmed(view.journal), ending=Ending.PUBLISHED)


async def test_stage_that_is_not_being_published(deployment: FakeDeployment) -> None:
    """A report on a stage that is not being published is refused."""
    async with deployment.server() as server:
        with pytest.raises(ConflictError, match="The stage is not being published"):
            await report(server)


async def test_receipt(deployment: FakeDeployment) -> None:
    """A published stage has a receipt."""
    async with deployment.server() as server:
        await server.promote()
        await server.end()
        view = await server.reports.receipt(TOKEN, "s1")

    expected = receipt(
        await deployment.now(), await deployment.promotion(), await deployment.journal()
    )
    assert view == expected


async def test_no_receipt_before_the_end(deployment: FakeDeployment) -> None:
    """A stage that is not published has no receipt."""
    async with deployment.server() as server:
        await server.promote(publisher=Publisher.CLIENT)

        with pytest.raises(ConflictError, match="Only a published stage has a receipt"):
            await server.reports.receipt(TOKEN, "s1")


async def test_form_for_the_client(deployment: FakeDeployment, sdist: Distribution) -> None:
    """A client that publishes gets the form as it was uploaded."""
    async with deployment.server() as server:
        form = await server.reports.form(TOKEN, "s1", sdist.filename)
        with pytest.raises(NotFoundError, match="has no file other"):
            await server.reports.form(TOKEN, "s1", "other.whl")

    assert form == tuple(upload_form(sdist))


async def test_reminders(
    deployment: FakeDeployment, sdist: Distribution, caplog: pytest.LogCaptureFixture
) -> None:
    """A half-published release is logged daily from day 3 and hourly from day 10."""
    deployment.fake_target.faults = {(sdist.filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    caplog.set_level(logging.WARNING)
    caplog.clear()
    warnings: dict[int, int] = {}
    async with deployment.server() as server:
        for hour in range(24 * 11):
            await server.reports.remind()
            deployment.clock.advance(hours=1)
            warnings[hour // 24] = len(caplog.records)

    assert warnings == {0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 5: 3, 6: 4, 7: 5, 8: 6, 9: 7, 10: 31}
    assert caplog.messages[0] == (
        "stage s1: partially published since 2026-11-22; PyPI closes the release on 2026-12-06"
    )


async def test_no_reminder_if_nothing_is_published(
    deployment: FakeDeployment, wheels: list[Distribution], caplog: pytest.LogCaptureFixture
) -> None:
    """A stage whose first file was refused is not half published. It was called so once."""
    deployment.fake_target.faults = {(wheels[0].filename, 1): UploadFault.REFUSED}
    await deployment.publish()
    caplog.clear()
    deployment.clock.advance(days=4)
    async with deployment.server() as server:
        await server.reports.remind()

    assert caplog.messages == []


async def test_no_reminder_of_a_whole_release(
    deployment: FakeDeployment, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole release is not logged."""
    await deployment.publish()
    deployment.clock.advance(days=11)
    async with deployment.server() as server:
        await server.reports.remind()

    assert "partially published" not in caplog.text
