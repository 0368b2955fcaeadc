"""Files of a published stage whose links on the index are signed: the signature is not kept."""

from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import Quirks
from tests.support.promotion.promotion_client import PromotionClient, an_entry
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
SIGNATURE = "X-Amz-Signature=abc&Expires=1"


def signed(service: RunningService, number: int) -> str:
    """Return a link to the wheel, which is signed anew each time."""
    return f"{service.index.url}/files/{WHEEL.filename}?{SIGNATURE}&number={number}"


def list_wheel(service: RunningService, number: int) -> None:
    """List the wheel on the index with a signed link."""
    service.index.add("demo", WHEEL, extra_file_keys={"url": signed(service, number)})


@pytest.fixture
async def stage(service: RunningService, promotion_client: PromotionClient) -> Any:
    """Return a stage that a client has published on an index with signed links."""
    staged = await service.staged(WHEEL)
    promotion = (await promotion_client.start(staged, "client")).document
    list_wheel(service, 1)
    entry = an_entry(WHEEL.filename, url=signed(service, 1))
    reported = await promotion_client.report(promotion, entry)
    assert reported.document["files"][WHEEL.filename]["url"] == signed(service, 1).partition("?")[0]
    assert (await promotion_client.report_end(promotion)).document["status"] == "published"
    return staged


async def test_nothing_keeps_a_signature(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """Promotions, receipts and the audit trail have the URL of a file without its query."""
    answers = [
        await promotion_client.ask("GET", stage, path)
        for path in ("/promotion", "/receipt", "/audit")
    ]

    url = signed(service, 1).partition("?")[0]
    assert [one.status for one in answers] == [200] * 3
    assert all(url in one.text and "Signature" not in one.text for one in answers)
    stored = b"".join(one.read_bytes() for one in service.data.glob("*.db*"))
    assert (url.encode() in stored, b"X-Amz-Signature" in stored) == (True, False)


async def test_redirect(service: RunningService, stage: Any) -> None:
    """A staged file's URL redirects to the link that the index has now, signature included."""
    service.index.remove("demo")
    list_wheel(service, 2)

    answer = await service.get(stage["files"][WHEEL.filename]["link"])

    assert (answer.status, answer.headers["Location"]) == (307, signed(service, 2))
    assert answer.headers["Cache-Control"] == "no-store"


async def test_redirect_to_a_file_that_is_not_listed(service: RunningService, stage: Any) -> None:
    """If the index does not list the file any more, the redirect has the URL that is known."""
    service.index.remove("demo")

    answer = await service.get(stage["files"][WHEEL.filename]["link"])

    assert (answer.status, answer.headers["Location"]) == (
        307,
        signed(service, 1).partition("?")[0],
    )


async def test_redirect_without_the_index(service: RunningService, stage: Any) -> None:
    """If the index cannot be read, the file is an error that can be retried."""
    service.index.quirks = Quirks(status=503)

    answer = await service.get(stage["files"][WHEEL.filename]["link"])

    assert answer.status == 503


async def test_metadata(service: RunningService, stage: Any) -> None:
    """A signed link tells nothing of the METADATA beside the file: there is no redirect to it."""
    answer = await service.get(f"{stage['files'][WHEEL.filename]['link']}.metadata")

    assert answer.status == 404
