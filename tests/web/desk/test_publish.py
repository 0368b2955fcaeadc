"""Publishing from the desk: what the page shows is what is published, or nothing is."""

from typing import Any

import pytest

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.desk_client import DeskClient, hidden_fields, of, shown, signed_in
from tests.support.promotion.promotion_client import PromotionClient, manifest_digest_of
from tests.support.servers.service import RunningService
from tests.web.conftest import SDIST, WHEEL

OTHER_SUMMARY = an_sdist(version="2.0", summary="Another demo")
REPLACED = a_wheel(version="2.0", requires_python=">=3.9")


@pytest.fixture
async def browser(service: RunningService) -> DeskClient:
    """Return the browser of somebody with a manage token named `ada`."""
    return await signed_in(service, await service.token("manage", name="ada"))


async def status_of(service: RunningService, stage: Any) -> Any:
    """Return the status of a stage now."""
    return (await service.api("GET", f"stages/{stage['id']}")).document["status"]


async def test_published(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """The page shows the digest, the files in order, and who uploaded them; its form publishes."""
    page = await browser.get(of(stage, "/publish"))
    text = shown(page)
    assert manifest_digest_of(WHEEL, SDIST) in text
    assert text.index(WHEEL.filename) < text.index(SDIST.filename)
    assert (WHEEL.sha256 in text, "by admin" in text) == (True, True)
    fields = hidden_fields(page, of(stage, "/publish"))

    answer = await browser.post(of(stage, "/publish"), {**fields, **acknowledged(page.text)})
    promotion = await PromotionClient(service).until_over(stage)

    assert (answer.status, answer.headers["Location"]) == (303, of(stage, "?done=publish"))
    assert (promotion["status"], promotion["approved-by-name"]) == ("published", "ada")
    assert "This release is published" in shown(await browser.get(of(stage)))


def acknowledged(page: str) -> dict[str, str]:
    """Return the field of the box that acknowledges the warnings, if there is one."""
    _, box, rest = page.partition('name="acknowledged" value="')
    return {"acknowledged": rest.partition('"')[0]} if box else {}


async def test_what_has_changed(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """The page says what has changed since the token last looked; a question is no look."""
    first = shown(await browser.get(of(stage, "/publish")))
    again = shown(await browser.get(of(stage, "/publish")))
    token = await service.token("manage", name="eve")
    await service.upload(REPLACED, token=token)

    page = shown(await browser.get(of(stage, "/publish")))

    assert "You have not looked at this stage before" in first
    assert "You have not looked at this stage before" in again
    assert REPLACED.sha256 in page


async def test_changed_in_between(service: RunningService, browser: DeskClient, stage: Any) -> None:
    """A change between the question and the answer is refused with what has changed."""
    page = await browser.get(of(stage, "/publish"))
    fields = {**hidden_fields(page, of(stage, "/publish")), **acknowledged(page.text)}
    await service.upload(REPLACED)

    answer = await browser.post(of(stage, "/publish"), fields)

    assert answer.status == 409
    assert f"{WHEEL.filename} : It was replaced at 2026-11-22" in shown(answer)
    assert await status_of(service, stage) == "open"


async def test_warnings_are_acknowledged(service: RunningService, browser: DeskClient) -> None:
    """Warnings are published only if the box is ticked; otherwise they are repeated."""
    stage = await service.staged(WHEEL, OTHER_SUMMARY)
    page = await browser.get(of(stage, "/publish"))
    fields = hidden_fields(page, of(stage, "/publish"))

    unticked = await browser.post(of(stage, "/publish"), fields)
    status = await status_of(service, stage)
    ticked = await browser.post(of(stage, "/publish"), {**fields, **acknowledged(page.text)})

    assert (unticked.status, status, ticked.status) == (409, "open", 303)
    assert "I have read the 1 warning above" in shown(page)
    assert "has a different Summary than" in shown(unticked)


@pytest.mark.parametrize("field", ["manifest-digest", "revision"])
async def test_every_approval_names_what_was_shown(
    service: RunningService, browser: DeskClient, stage: Any, field: str
) -> None:
    """A form without the digest or the revision approves nothing."""
    page = await browser.get(of(stage, "/publish"))
    fields = {**hidden_fields(page, of(stage, "/publish")), **acknowledged(page.text)}
    del fields[field]

    answer = await browser.post(of(stage, "/publish"), fields)

    assert answer.status in {400, 409}
    assert await status_of(service, stage) == "open"
