"""The stage page in a browser: what a reviewer sees, on any screen, with any device."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from stageproxy.web.preview.views.page import Facts
from tests.support.browser import NARROW, visit
from tests.support.builders.page_facts import (
    a_large_release,
    a_published_release,
    a_small_release,
    an_empty_stage,
)
from tests.support.servers.stage_pages import running_pages

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

PAGES: dict[str, Callable[[], Facts]] = {
    "large": a_large_release,
    "small": a_small_release,
    "empty": an_empty_stage,
    "published": a_published_release,
}
RUNNING = "running"


@pytest.fixture(scope="module")
def shown() -> dict[str, Facts]:
    """Return the facts of each page."""
    return {name: make() for name, make in PAGES.items()}


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
        await seen.shoot(f"{name}-dark" if dark else name)


@pytest.mark.parametrize("name", PAGES)
async def test_narrow(chromium: Browser, url: str, name: str) -> None:
    """On a phone of 360 pixels, nobody has to scroll the page sideways."""
    async with visit(chromium, f"{url}{name}", width=NARROW) as seen:
        assert not await seen.is_wider_than_the_window()
        await seen.shoot(f"{name}-narrow")
