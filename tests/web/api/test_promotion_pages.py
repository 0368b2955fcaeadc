"""Promotions to indexes with unusual pages of the project."""

import asyncio
import re
from itertools import chain, repeat
from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.index.content_faults import log_in
from tests.support.index.fake_index import Quirks
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import RunningService

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")
PAGE = "/simple/demo/"


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return a stage of a wheel and an sdist."""
    return await service.staged(SDIST, WHEEL)


def as_folder(page: bytes) -> bytes:
    """Return a page as a listing of a folder, in Latin-1, with a script and a footer."""
    links = re.sub(rb">(demo-[^<]{9})[^<]*</a>", rb">\1..&gt;</a>", page)
    around = b'<meta charset=latin-1><script>"<a href=x>"</script>\xe9<a href="../">../</a>'
    return links.replace(b"<h1>", around + b"<h1>").replace(
        b"</body>", b'<a href="/">Home</a></body>'
    )


async def test_listings_of_folders_confirm(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """An index whose pages are listings of folders confirms every file.

    The wheel became public, and the sdist was never sent.
    """
    service.index.quirks = Quirks(html_only=True, content_type="text/html", rewritten=as_folder)

    done = await promotion_client.publish(stage)

    assert (done["status"], done["reason"]) == ("published", None)
    assert service.index.uploads.history.accepted == [WHEEL.filename, SDIST.filename]


async def test_page_that_cannot_be_read_before(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """A page that cannot be read is noticed before anything is sent, and the answer says why."""
    service.index.quirks = Quirks(raw={PAGE: repeat(log_in(b"", ""))})

    plan = await promotion_client.plan(stage)

    assert plan.status == 503
    assert plan.document["detail"] == (
        "What the index has of demo could not be read, so nothing can be sent. The index's page of "
        "demo cannot be read: not an HTML page of the simple API (it lists no files, and has "
        "neither an API version nor the project's name as title)."
    )
    assert service.index.uploads.history.accepted == []


async def test_page_that_cannot_be_read_meanwhile(
    service: RunningService, promotion_client: PromotionClient, stage: Any
) -> None:
    """A promotion says that it waits for a page that became unreadable, and then goes on."""
    answers = chain([None, None], repeat(log_in(b"", "")))
    service.index.quirks = Quirks(raw={PAGE: answers})
    await promotion_client.start(stage)

    async with asyncio.timeout(60):
        while not (shown := await promotion_client.show(stage))["waits-for"]:
            pass
    service.index.quirks = Quirks()
    done = await promotion_client.until_over(stage)

    assert re.match(
        "Waiting for the index until .* UTC at most: The index's page", shown["waits-for"]
    )
    assert (done["status"], done["waits-for"]) == ("published", None)
