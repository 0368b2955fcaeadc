"""The publisher in requests and answers: the current words and the former ones."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
CLIENT: list[Mapping[str, str]] = [
    {"publisher": "client"},
    {"way": "here"},
    {"publisher": "client", "way": "here"},
]
SERVER: list[Mapping[str, str]] = [
    {},
    {"publisher": "server"},
    {"way": "server"},
    {"publisher": "server", "way": "server"},
]


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of one wheel."""
    return await service.staged(WHEEL)


@pytest.mark.parametrize(
    ("words", "publisher"),
    [*((words, "client") for words in CLIENT), *((words, "server") for words in SERVER)],
)
async def test_plan(
    promotion_client: PromotionClient, stage: Any, words: Mapping[str, str], publisher: str
) -> None:
    """A plan accepts either word and names the publisher; the default is the server."""
    more: Mapping[str, Any] = {"credential-follows": True, **words}

    plan = await promotion_client.ask("POST", stage, "/promotion/plan", **more)

    assert (plan.status, plan.document["publisher"]) == (200, publisher)


@pytest.mark.parametrize("words", CLIENT)
async def test_promotion(
    promotion_client: PromotionClient, stage: Any, words: Mapping[str, str]
) -> None:
    """A promotion accepts either word and shows both."""
    digest = {"manifest-digest": stage["manifest-digest"]}

    begun = await promotion_client.ask("POST", stage, "/promotion", **digest, **words)

    shown = await promotion_client.show(stage)
    assert begun.status == 202
    assert (shown["publisher"], shown["way"]) == ("client", "here")


async def test_receipt(promotion_client: PromotionClient, stage: Any) -> None:
    """A receipt has both words."""
    await promotion_client.publish_as_client(stage, WHEEL)

    receipt = (await promotion_client.ask("GET", stage, "/receipt")).document

    assert (receipt["publisher"], receipt["published-by"]) == ("client", "here")


async def test_audit_trail(promotion_client: PromotionClient, stage: Any) -> None:
    """A record of a promotion has both words."""
    await promotion_client.start(stage, "client")

    records = (await promotion_client.ask("GET", stage, "/audit")).document["events"]

    details = records[-1]["details"]
    assert (details["publisher"], details["way"]) == ("client", "here")


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ({"publisher": "here"}, "publisher"),
        ({"way": "client"}, "way"),
        ({"publisher": "server", "way": "here"}, "way"),
        ({"publisher": "client", "way": "server"}, "way"),
    ],
)
async def test_no_publisher(
    promotion_client: PromotionClient, stage: Any, words: Mapping[str, str], source: str
) -> None:
    """A word under the wrong key is refused, and so are words for different publishers."""
    answer = await promotion_client.ask("POST", stage, "/promotion/plan", **words)

    assert (answer.status, [one["source"] for one in answer.document["errors"]]) == (400, [source])
