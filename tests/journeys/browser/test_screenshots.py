"""The screenshots of the documentation, which `make screenshots` takes again."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from stageproxy.core.review.review import ReviewState
from tests.support.browser import NARROW, visit
from tests.support.builders.page_facts import a_large_release, a_published_release, a_small_release
from tests.support.servers.processes import ROOT
from tests.support.servers.stage_pages import running_pages

pytestmark = pytest.mark.journey

IMAGES = ROOT / "docs" / "images"
LARGEST = 200_000
WIDTH = 1100


@dataclass(frozen=True, slots=True)
class Shot:
    """A screenshot: of which page, of which part of it, and how it is shown."""

    page: str
    part: str = ""
    dark: bool = False
    width: int = WIDTH


SHOTS: Mapping[str, Shot] = {
    "review": Shot("large"),
    "review-dark": Shot("large", dark=True),
    "review-narrow": Shot("large", width=NARROW),
    "review-impact": Shot("large", "#impact"),
    "review-changes": Shot("large", "#delta"),
    "review-running": Shot("running"),
    "review-published": Shot("published"),
    "review-hashes": Shot("small", "#manifest"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url() -> AsyncIterator[str]:
    """Serve the pages."""
    pages = {
        "large": a_large_release(),
        "small": a_small_release(),
        "published": a_published_release(),
        "running": a_large_release(state=ReviewState.RUNNING),
    }
    async with running_pages(pages) as running:
        yield running


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", SHOTS)
async def test_screenshot(chromium: Browser, url: str, name: str) -> None:
    """The page can be shown as it is in the documentation."""
    shot = SHOTS[name]
    async with visit(chromium, url + shot.page, width=shot.width, dark=shot.dark) as seen:
        if shot.part == "#delta":
            await seen.page.locator("#delta details").first.evaluate("one => one.open = true")
            await seen.page.locator("#delta details details").first.evaluate("it => it.open = true")
        if shot.part == "#manifest":
            wheel, sdist = a_small_release().stage.artifacts
            log = f"10:00:01 {wheel.sha256}  dist/{wheel.filename}\n{'0' * 64}  {sdist.filename}\n"
            await seen.page.get_by_label("Hashes of your build").fill(log)

        await seen.shoot(name, shot.part)


def test_images_of_the_documentation() -> None:
    """Each screenshot is in the documentation, and small."""
    sizes = {path.stem: path.stat().st_size for path in IMAGES.glob("*.png")}
    pages = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))

    assert SHOTS.keys() <= sizes.keys()
    assert [name for name in SHOTS if sizes[name] > LARGEST] == []
    assert [name for name in SHOTS if f"images/{name}.png" not in pages] == []
