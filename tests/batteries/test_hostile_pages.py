"""Hostile texts in every field that reaches a stage page, in a real browser."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from playwright.async_api import Browser

from stageproxy.services.descriptions import Description
from stageproxy.store.description import render_description
from stageproxy.web.preview.views.page import Facts
from tests.batteries.report import SEED, BatteryReport
from tests.support.browser import Visit, running_chromium, visit
from tests.support.builders.hostile_texts import TEXTS, filled
from tests.support.builders.page_facts import NAMES, a_large_release, with_few_files
from tests.support.servers.stage_pages import running_pages

pytestmark = pytest.mark.journey

_TOGETHER = 15
_KINDS = ("text/markdown", "text/x-rst", "text/plain")
_HARMLESS = "harmless"
_SKELETON = """() => [...document.querySelectorAll("body *:not(.readme *)")].map(
  (one) => [one.localName, ...one.getAttributeNames()].join(" "))"""
_ODD = """() => [...document.querySelectorAll("*")].filter((one) =>
  one.matches("iframe, object, embed, img, video, style, base, form:not([data-compare])") ||
  one.getAttributeNames().some((name) => name.startsWith("on") || name === "style") ||
  (one.getAttribute("href") ?? "").match(/^\\s*(javascript|data:text)/i)).map(
  (one) => one.outerHTML.slice(0, 100))"""


def hostile_facts(text: str) -> Facts:
    """Return the facts of a large release with a text in every field."""
    facts = with_few_files(a_large_release())
    # The question to the child process is UTF-8.
    sent = text.encode(errors="replace").decode()
    html = "".join(render_description(sent, kind) or "" for kind in _KINDS)
    form = tuple((name, text) for name, _ in facts.description.form)
    return replace(
        filled(facts, text),
        url=facts.url,
        names=dict.fromkeys([*NAMES, text], text),
        notices=[text],
        description=Description(form, text, html),
        pasted=text,
        everything=True,
    )


async def judged(seen: Visit, skeleton: Sequence[str]) -> list[str]:
    """Return what is wrong with a page: what happened, and what is there that should not be."""
    odd = [f"an odd element: {one}" for one in await seen.page.evaluate(_ODD)]
    other = list(zip(await seen.page.evaluate(_SKELETON), skeleton, strict=False))
    moved = [f"{one} in place of {former}" for one, former in other if one != former][:1]
    found = [*seen.problems, *odd, *moved]
    seen.problems.clear()
    return found


async def run(chromium: Browser, texts: Iterable[str], *, planted: str = "") -> BatteryReport:
    """Open a page with each of the texts in every field."""
    violations: list[str] = []
    pages = {"page": hostile_facts(_HARMLESS)}
    async with running_pages(pages) as url:
        async with visit(chromium, f"{url}page") as seen:
            skeleton = await seen.page.evaluate(_SKELETON)
        count = 0
        for text in texts:
            facts = hostile_facts(text)
            not_cleaned = replace(facts, description=Description((), text, text))
            pages["page"] = not_cleaned if planted else facts
            async with visit(chromium, f"{url}page") as seen:
                found = await judged(seen, skeleton)
            violations.extend(f"{text[:80]!r}: {one}" for one in found)
            count += 1
    counts = {"texts": len(TEXTS), "pages": count}
    return BatteryReport("hostile pages", SEED, counts, violations, planted)


@pytest.mark.parametrize("planted", ["", "descriptions are not cleaned"])
async def test_hostile_texts_together(planted: str) -> None:
    """No text does anything on a page: no dialog, no foreign request, nothing for the policy."""
    starts = range(0, len(TEXTS), _TOGETHER)
    together = ["\n\n".join(TEXTS[start : start + _TOGETHER]) for start in starts]
    async with running_chromium() as chromium:
        report = await run(chromium, together[:2] if planted else together, planted=planted)

    report.check()


@pytest.mark.battery
async def test_hostile_texts_one_by_one() -> None:
    """The same with each text by itself."""
    async with running_chromium() as chromium:
        report = await run(chromium, TEXTS)

    report.check()


def test_there_are_many_texts() -> None:
    """There are 150 different texts."""
    assert len(set(TEXTS)) == 150
