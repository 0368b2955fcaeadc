"""Reports to /api/ about a promotion by a client."""

from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.fake_index import Quirks
from tests.support.promotion.promotion_client import PromotionClient, an_entry
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
SDIST = an_sdist(version="2.0")
LOST = (
    "Another promotion of this stage has taken over, or this one has ended. "
    "This one sends nothing more."
)
URLS = ["javascript:alert(1)", "//files.example/x", "https://files.example/\nX: y", "x", "ftp://x/"]


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of two wheels and an sdist."""
    return await service.staged(SDIST, WHEEL, LINUX)


async def test_reported_by_a_client(promotion_client: PromotionClient, stage: Any) -> None:
    """A client reports each step, and the stage shows it."""
    promotion = (await promotion_client.start(stage, "client")).document
    first, *_ = promotion["files"]
    url = f"https://files.example/{first}"

    sending = (await promotion_client.report(promotion, an_entry(first, "sending"))).document
    confirmed = (await promotion_client.report(promotion, an_entry(first, url=url))).document

    assert sending["files"][first]["progress"] == "sending"
    assert sending["first-sent-at"] is not None
    assert (confirmed["files"][first]["progress"], confirmed["files"][first]["url"]) == (
        "confirmed",
        url,
    )
    assert confirmed["status"] == "processing"
    assert promotion_client.service.index.uploads.history.attempts == []


async def test_ended_by_a_client(promotion_client: PromotionClient, stage: Any) -> None:
    """A client may end a promotion as published; the receipt has the URLs that the index lists."""
    done = await promotion_client.publish_as_client(stage, SDIST, WHEEL, LINUX)

    receipt = (await promotion_client.ask("GET", stage, "/receipt")).document
    url = receipt["files"][WHEEL.filename]["url"]
    assert (done["status"], done["publisher"]) == ("published", "client")
    assert receipt["publisher"] == "client"
    assert url.startswith(promotion_client.service.index.url)
    assert (await promotion_client.service.get(url)).body == WHEEL.content


async def test_reported_but_not_listed(promotion_client: PromotionClient, stage: Any) -> None:
    """A file that is reported as published is not, until the index lists it."""
    promotion = (await promotion_client.start(stage, "client")).document
    promotion_client.service.index.add("demo", WHEEL, SDIST)

    early = await promotion_client.report_end(promotion)
    link = await promotion_client.service.get(stage["files"][WHEEL.filename]["link"])
    promotion_client.service.index.add("demo", LINUX)
    again = await promotion_client.report_end(promotion)

    assert (early.status, early.headers["Retry-After"]) == (503, "5")
    assert early.document["detail"] == (
        f"The index does not list {LINUX.filename} yet. Report the end again in a moment; until "
        "then the stage is not published."
    )
    assert (link.status, link.body) == (200, WHEEL.content)
    assert (again.status, again.document["status"]) == (200, "published")


async def test_other_bytes_than_reported(promotion_client: PromotionClient, stage: Any) -> None:
    """Other bytes on the index under a staged filename keep the stage unpublished."""
    promotion = (await promotion_client.start(stage, "client")).document
    promotion_client.service.index.add(
        "demo", WHEEL, LINUX, an_sdist(version="2.0", summary="Another")
    )

    answer = await promotion_client.report_end(promotion)

    assert answer.status == 409
    assert answer.document["detail"].startswith(
        f"{SDIST.filename} is already on the index with other bytes: sha256 "
    )
    assert (await promotion_client.show(stage))["status"] == "processing"


async def test_unavailable_index_at_the_end(promotion_client: PromotionClient, stage: Any) -> None:
    """Without an answer from the index nothing is confirmed; the report can be repeated."""
    promotion = (await promotion_client.start(stage, "client")).document
    promotion_client.service.index.add("demo", WHEEL, LINUX, SDIST)

    promotion_client.service.index.quirks = Quirks(status=500)
    answer = await promotion_client.report_end(promotion)
    promotion_client.service.index.quirks = Quirks()

    assert answer.status == 503
    assert "Could not verify the release" in answer.document["detail"]
    assert (await promotion_client.report_end(promotion)).document["status"] == "published"


async def test_reported_and_resumed(promotion_client: PromotionClient, stage: Any) -> None:
    """Who resumes a promotion has to confirm the files that were only reported."""
    promotion = (await promotion_client.start(stage, "client")).document
    entries = map(an_entry, promotion["files"])
    await promotion_client.report(promotion, *entries, ending="error", reason="It was given up.")

    shown = (await promotion_client.start(stage, "client")).document

    assert {(one["progress"], one["url"]) for one in shown["files"].values()} == {("sent", None)}


async def test_ended_too_early_by_a_client(promotion_client: PromotionClient, stage: Any) -> None:
    """A promotion cannot end as published while a file is not confirmed."""
    promotion = (await promotion_client.start(stage, "client")).document
    entries = [an_entry(WHEEL.filename), an_entry(LINUX.filename), an_entry(SDIST.filename, "sent")]

    answer = await promotion_client.report(promotion, *entries, ending="published")

    assert answer.status == 409
    assert answer.document["detail"] == f"Files that are not confirmed yet: {SDIST.filename}."
    assert (await promotion_client.show(stage))["status"] == "processing"


async def test_failed_at_the_client(promotion_client: PromotionClient, stage: Any) -> None:
    """A failed promotion by a client lists what is live, which cannot be replaced."""
    promotion = (await promotion_client.start(stage, "client")).document
    entries = [an_entry(WHEEL.filename), an_entry(SDIST.filename, "refused", said="No.")]

    failed = await promotion_client.report(
        promotion, *entries, ending="error", reason="PyPI says no."
    )

    edited = await promotion_client.service.upload(a_wheel(version="2.0", summary="Another demo"))
    reason = failed.document["reason"]
    assert (failed.document["status"], edited.status) == ("error", 409)
    assert reason.startswith(f"PyPI says no. 1 of 3 files are published: {WHEEL.filename}.")
    assert "run `promote` again" in reason


async def test_half_published_stage_stays(promotion_client: PromotionClient, stage: Any) -> None:
    """A partly published stage cannot be canceled or extended, and does not expire."""
    promotion = (await promotion_client.start(stage, "client")).document
    await promotion_client.report(promotion, an_entry(WHEEL.filename), ending="error", reason="No.")
    promotion_client.service.clock.advance(days=60)

    canceled = await promotion_client.ask("DELETE", stage)
    extended = await promotion_client.ask("POST", stage, "/extend", **{"extend-for": 60})

    assert (canceled.status, extended.status) == (409, 409)
    assert (await promotion_client.ask("GET", stage)).document["status"] == "error"


async def test_lease_of_a_client(promotion_client: PromotionClient, stage: Any) -> None:
    """After 15 minutes without a report another publisher may resume the promotion."""
    late = (await promotion_client.start(stage, "client")).document
    promotion_client.service.clock.advance(minutes=15)

    second = await promotion_client.start(stage, "client")

    lost = await promotion_client.report(late, an_entry(WHEEL.filename))
    assert (second.status, second.document["fence"]) == (202, 2)
    assert (lost.status, lost.document["detail"]) == (409, LOST)
    assert (await promotion_client.show(stage))["files"][WHEEL.filename]["progress"] == "pending"


async def test_empty_report_renews_the_lease(promotion_client: PromotionClient, stage: Any) -> None:
    """An empty report renews the lease."""
    promotion = (await promotion_client.start(stage, "client")).document
    promotion_client.service.clock.advance(minutes=14)

    renewed = (await promotion_client.report(promotion)).document

    assert promotion["leased-until"].startswith("2026-11-22T12:15")
    assert renewed["leased-until"].startswith("2026-11-22T12:29")


async def test_reports_that_are_refused(promotion_client: PromotionClient, stage: Any) -> None:
    """A stage without a promotion, or with one by the server, accepts no reports."""
    fenced = {"stage": stage["id"], "fence": 1}
    nobody = await promotion_client.report(fenced, an_entry(WHEEL.filename))
    await promotion_client.publish(stage)

    over = await promotion_client.report(fenced, an_entry(WHEEL.filename))

    assert (nobody.status, over.status) == (409, 409)


async def test_report_on_the_server(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """A report about a promotion by the server is refused, and changes nothing."""
    service.index.uploads.processing = 0.2
    promotion = (await promotion_client.start(stage)).document

    answer = await promotion_client.report(promotion, an_entry(SDIST.filename))

    done = await promotion_client.until_over(stage)
    assert (answer.status, done["status"]) == (409, "published")
    assert answer.document["detail"] == (
        "The server publishes this stage itself and accepts no reports about it."
    )


async def test_report_on_a_foreign_file(promotion_client: PromotionClient, stage: Any) -> None:
    """A report about a file that was not approved is refused as a whole."""
    promotion = (await promotion_client.start(stage, "client")).document

    answer = await promotion_client.report(
        promotion, an_entry(WHEEL.filename), an_entry("other-1.0.tar.gz")
    )

    assert answer.status == 409
    assert answer.document["detail"] == "other-1.0.tar.gz is not one of the approved files."
    assert (await promotion_client.show(stage))["files"][WHEEL.filename]["progress"] == "pending"


@pytest.mark.parametrize("url", URLS)
async def test_report_of_an_invalid_url(
    promotion_client: PromotionClient, stage: Any, url: str
) -> None:
    """The reported URL of a file must be an http or https URL."""
    promotion = (await promotion_client.start(stage, "client")).document

    answer = await promotion_client.report(promotion, an_entry(WHEEL.filename, url=url))

    assert answer.status == 400
    assert [one["source"] for one in answer.document["errors"]] == ["entries.0.url"]


async def test_report_of_too_many_attempts(promotion_client: PromotionClient, stage: Any) -> None:
    """A number of attempts that no column holds is invalid, not a fault of the server."""
    promotion = (await promotion_client.start(stage, "client")).document

    answer = await promotion_client.report(promotion, an_entry(WHEEL.filename, attempts=2**63))

    assert answer.status == 400
    assert [one["source"] for one in answer.document["errors"]] == ["entries.0.attempts"]


async def test_report_without_a_url(promotion_client: PromotionClient, stage: Any) -> None:
    """A file that is reported as listed needs its URL."""
    promotion = (await promotion_client.start(stage, "client")).document

    answer = await promotion_client.report(promotion, an_entry(WHEEL.filename, url=""))

    assert answer.status == 400
    assert answer.document["errors"] == [
        {"source": "entries.0", "message": "a confirmed file needs a url"}
    ]


async def test_revoked_token(service: RunningService, stage: Any) -> None:
    """A token that is revoked during a promotion can report nothing more."""
    made = (await service.api("POST", "tokens", can="manage", project="demo")).document
    promotion_client = PromotionClient(service, made["token"])
    promotion = (await promotion_client.start(stage, "client")).document
    await service.api("DELETE", f"tokens/{made['id']}")

    answer = await promotion_client.report(promotion, an_entry(WHEEL.filename))

    assert answer.status == 403
    assert promotion["approved-by"] == made["id"]
