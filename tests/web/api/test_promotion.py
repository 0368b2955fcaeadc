"""Promotion by the server through /api/: progress and receipt."""

import hashlib
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.promotion.promotion_client import PromotionClient, manifest_digest_of
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
LINUX = a_wheel(version="2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
SDIST = an_sdist(version="2.0")


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of two wheels and an sdist."""
    return await service.staged(SDIST, WHEEL, LINUX)


async def test_published_by_the_server(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """The server publishes each file once, the sdist last, and then the stage is published."""
    started = await promotion_client.start(stage)

    done = await promotion_client.until_over(stage)
    assert (started.status, started.document["status"]) == (202, "processing")
    assert "Retry-After" in started.headers
    assert service.index.uploads.history.accepted == [one.filename for one in (LINUX, WHEEL, SDIST)]
    assert (done["status"], done["reason"]) == ("published", None)
    assert [one["progress"] for one in done["files"].values()] == ["confirmed"] * 3
    assert all(one["url"].startswith(service.index.url) for one in done["files"].values())


async def test_receipt(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """A receipt states what was published, by whom, when, and where it is."""
    await promotion_client.publish(stage)

    receipt = (await promotion_client.ask("GET", stage, "/receipt")).document

    shown = await promotion_client.show(stage)
    digest = hashlib.sha256(receipt["manifest"].encode()).hexdigest()
    assert digest == receipt["manifest-digest"] == manifest_digest_of(SDIST, WHEEL, LINUX)
    assert receipt["approved-by"] == shown["approved-by"]
    assert receipt["published-at"] == shown["ended-at"] is not None
    assert receipt["publisher"] == "server"
    assert {name: one["url"] for name, one in receipt["files"].items()} == {
        name: one["url"] for name, one in shown["files"].items()
    }
    assert receipt["files"][SDIST.filename]["sha256"] == SDIST.sha256
    page = (await service.get(f"{service.index.url}/simple/demo/")).text
    assert all(one.filename in page for one in (SDIST, WHEEL, LINUX))


async def test_no_receipt_before_publishing_is_done(
    promotion_client: PromotionClient, stage: Any
) -> None:
    """A stage has no receipt before it is published."""
    nothing = await promotion_client.ask("GET", stage, "/promotion")
    await promotion_client.start(stage, "client")

    early = await promotion_client.ask("GET", stage, "/receipt")

    assert (nothing.status, early.status) == (404, 409)
    assert "Only a published stage has a receipt" in early.document["detail"]


async def test_form(promotion_client: PromotionClient, stage: Any) -> None:
    """A client that publishes gets the form of each file as it was sent, in its order."""
    form = (await promotion_client.ask("GET", stage, f"/files/{WHEEL.filename}/form")).document

    missing = await promotion_client.ask("GET", stage, "/files/other-1.0.tar.gz/form")
    names = [name for name, _ in form["fields"]]
    assert form["filename"] == WHEEL.filename
    assert ["sha256_digest", WHEEL.sha256] in form["fields"]
    assert {"name", "version", "metadata_version", "filetype"} <= set(names)
    assert "content" not in names
    assert missing.status == 404


async def test_promoted_twice(promotion_client: PromotionClient, stage: Any) -> None:
    """A stage that is being promoted or is published cannot be promoted again."""
    digest = manifest_digest_of(SDIST, WHEEL, LINUX)
    await promotion_client.start(stage, "client")
    second = await promotion_client.ask("POST", stage, "/promotion", **{"manifest-digest": digest})
    await promotion_client.abort(stage)
    await promotion_client.publish(stage)

    third = await promotion_client.ask("POST", stage, "/promotion", **{"manifest-digest": digest})

    assert (second.status, third.status) == (409, 409)
    assert "is processing and cannot be promoted" in second.document["detail"]
    assert "is published and cannot be promoted" in third.document["detail"]
