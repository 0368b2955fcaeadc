"""The stage page in a browser: what a reviewer sees, on any screen, with any device."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from stageproxy.core.review.review import ReviewState
from stageproxy.web.preview.views.page import Facts
from tests.support.browser import NARROW, Visit, visit
from tests.support.builders.page_facts import (
    a_large_release,
    a_published_release,
    a_small_release,
    an_empty_stage,
)
from tests.support.servers.stage_pages import running_pages

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

RUNNING = "running"
PAGES: dict[str, Callable[[], Facts]] = {
    "large": a_large_release,
    "small": a_small_release,
    "empty": an_empty_stage,
    "published": a_published_release,
}


@pytest.fixture(scope="module")
def shown() -> dict[str, Facts]:
    """Return the facts of each page."""
    running = a_large_release(state=ReviewState.RUNNING)
    return {RUNNING: running, **{name: make() for name, make in PAGES.items()}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(shown: dict[str, Facts]) -> AsyncIterator[str]:
    """Serve the pages."""
    async with running_pages(shown) as running:
        yield running


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_nobody_is_kept_out(chromium: Browser, url: str, name: str, *, dark: bool) -> None:
    """No page has a barrier that axe-core calls serious: contrast, names, order, language."""
    async with visit(chromium, f"{url}{name}", dark=dark) as seen:
        assert await seen.find_barriers() == []


@pytest.mark.parametrize("name", PAGES)
async def test_narrow(chromium: Browser, url: str, name: str) -> None:
    """On a phone of 360 pixels, nobody has to scroll the page sideways."""
    async with visit(chromium, f"{url}{name}", width=NARROW) as seen:
        assert not await seen.is_wider_than_the_window()


async def paste(seen: Visit, text: str) -> list[str]:
    """Paste lines, and return what the page says of them."""
    await seen.page.get_by_label("Hashes of your build").fill(text)
    await seen.page.locator("#compare-result .notice").wait_for()
    return await seen.page.locator("#compare-result .notice, .marks strong").all_inner_texts()


async def test_hashes_of_a_build(chromium: Browser, url: str, shown: dict[str, Facts]) -> None:
    """The log of a build confirms every file, whatever is around the hashes, without a request."""
    wheel, sdist = shown["small"].stage.artifacts
    log = (
        "2026-11-22T11:00:01Z ##[group]sha256sum dist/*\n"
        f"2026-11-22T11:00:02Z {wheel.sha256}  dist/{wheel.filename}\n"
        f"SHA256 (dist/{sdist.filename}) = {sdist.sha256.upper()}\n"
    )
    async with visit(chromium, f"{url}small") as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url))
        marks = await paste(seen, log)

        assert marks == [
            "Every file of the stage is in these lines, with its hash.",
            "The same",
            "The same",
        ]
        assert asked == []


async def test_other_hashes(chromium: Browser, url: str, shown: dict[str, Facts]) -> None:
    """Another hash, a file that is not staged and one that is missing are marked."""
    wheel, _ = shown["small"].stage.artifacts
    lines = f"{'0' * 64}  {wheel.filename}\n{'1' * 64}  demo-2.0-cp313-cp313-win_amd64.whl\n"
    async with visit(chromium, f"{url}small") as seen:
        marks = await paste(seen, lines)

        assert marks == [
            "These lines are not the files of the stage.",
            "Another hash",
            "Not in the stage",
            "Not confirmed",
        ]


async def test_without_scripts(chromium: Browser, url: str) -> None:
    """Without scripts, everything can be read, and nothing is there that does not work."""
    async with visit(chromium, f"{url}large", scripts=False) as seen:
        headings = await seen.page.get_by_role("heading", level=2).all_inner_texts()

        assert await seen.page.get_by_role("button").all_inner_texts() == ["Compare"]
        assert await seen.page.locator("form").get_attribute("method") == "post"
    assert headings == [
        "Decision",
        "To decide about",
        "Try it",
        "What installers choose",
        "Completeness",
        "With everything that it requires",
        "Changes since numpy 2.3.5",
        "Files",
        "Description",
        "Metadata",
        "The story so far",
        "Good to know",
        "Compare with your build",
        "Tried by people and machines",
    ]


async def test_reloads_while_it_is_compared(
    chromium: Browser, url: str, shown: dict[str, Facts]
) -> None:
    """While contents are compared, the page says how far it is, and shows the end by itself."""
    running = shown[RUNNING]
    try:
        async with visit(chromium, f"{url}{RUNNING}") as seen:
            status = await seen.page.get_by_role("progressbar").get_attribute("value")
            shown[RUNNING] = a_large_release()
            await seen.page.get_by_role("heading", name="Changes since").wait_for()

            assert status == "23"
            assert await seen.page.get_by_role("progressbar").count() == 0
    finally:
        shown[RUNNING] = running


async def test_keyboard_reaches_everything(chromium: Browser, url: str) -> None:
    """The tabulator key reaches every link, button and folded part, beginning with a way past."""
    async with visit(chromium, f"{url}small") as seen:
        stops = await seen.tab_stops()

        usable = seen.page.locator("a[href], button, summary, textarea, [tabindex='0']")
        hidden = "one => one.closest('details:not([open]) > :not(summary)') !== null"
        reachable = [one for one in await usable.all() if not await one.evaluate(hidden)]
    assert stops[0].endswith("Skip to the content")
    assert len(stops) == len(reachable)


async def test_copying(chromium: Browser, url: str) -> None:
    """A button copies its command, with the version."""
    permissions = ["clipboard-read", "clipboard-write"]
    async with visit(chromium, f"{url}small", permissions=permissions) as seen:
        await seen.page.get_by_role("button", name="Copy: pip", exact=True).click()
        await seen.page.get_by_text("Copied").wait_for()

        copied = await seen.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("pip --isolated install --index-url https://")
    assert copied.endswith("/simple/ demo==2.0")


async def test_no_controls_without_a_session(chromium: Browser, url: str) -> None:
    """Who is not signed in sees no control that would not work."""
    async with visit(chromium, f"{url}large") as seen:
        names = await seen.page.get_by_role("button").all_inner_texts()

    assert set(names) == {"Copy", "Compare"}
