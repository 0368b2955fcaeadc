"""Hostile texts on the pages of the desk: they are shown, and nothing of them is active."""

from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.clients.desk_client import of, signed_in
from tests.support.promotion.promotion_client import PromotionClient, an_entry
from tests.support.servers.service import RunningService
from tests.web.conftest import WHEEL

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    '"><a href=javascript:alert(1)>x</a>',
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<!--",
    "]]><x>",
    "&lt;script&gt;",
    "<meta http-equiv=refresh content=0>",
    "<base href=https://evil.example/>",
    "x` onclick=alert(1) `",
    "\u00ad\u200b\u202egnp.exe",
]
ACTIVE = ("<script>alert", "<img", "<svg onload", "<a href=javascript", "<meta http-equiv=refresh>")


def assert_harmless(page: str) -> None:
    """Fail if anything hostile has become markup."""
    main = page.partition("<main")[2].partition("</main>")[0]
    assert [one for one in (*ACTIVE, "<base", "<x>", "<!--", "49{%") if one in main] == []


@pytest.mark.parametrize("text", HOSTILE)
async def test_searched_for(service: RunningService, text: str) -> None:
    """What somebody searches for is in its field, and no markup."""
    browser = await signed_in(service)

    page = await browser.get(f"/?project={quote(text)}&version={quote(text)}")

    assert_harmless(page.text)
    assert text.isprintable() is (f'value="{text}"' in unescape(page.text))


async def test_names_of_tokens(service: RunningService, stage: Any) -> None:
    """The names of tokens, on every page that has them, are no markup."""
    names = [one for one in HOSTILE if one.isprintable()]
    for name in names:
        browser = await signed_in(service, await service.token("admin", "*", name=name))
        await browser.submit(of(stage, "/extend"), **{"extend-for": "60s"})

    for path in ("/", "/desk/tokens", "/desk/audit", of(stage), of(stage, "/audit")):
        page = (await browser.get(path)).text
        assert_harmless(page)
        assert names[-1] in unescape(page)


async def test_words_of_the_index(service: RunningService, stage: Any) -> None:
    """What an index, or a client that publishes, says is shown as it was said, and is no markup."""
    client = PromotionClient(service)
    promotion = (await client.start(stage, "client")).document
    said = " ".join(HOSTILE)
    browser = await signed_in(service)
    await client.report(promotion, an_entry(WHEEL.filename, "unknown", said=said))
    running = await browser.get(of(stage))
    await client.report(promotion, ending="error", reason=said)

    stopped = await browser.get(of(stage))

    for page in (running, stopped):
        assert_harmless(page.text)
        assert "\u202e" not in page.text
    assert "<img src=x onerror=alert(1)>" in unescape(running.text)


async def test_errors(service: RunningService, stage: Any) -> None:
    """What a path or a form has is no markup on the page that refuses it."""
    browser = await signed_in(service)
    for text in HOSTILE[:6]:
        path = of(stage, f"/files/{quote(text, safe='')}/remove")
        answers = [
            await browser.get(path),
            await browser.submit(of(stage, "/extend"), **{"extend-for": text}),
            await browser.submit("/desk/tokens", project=text, can=text, version=text),
        ]
        for answer in answers:
            assert answer.status in {400, 404}
            assert_harmless(answer.text)
