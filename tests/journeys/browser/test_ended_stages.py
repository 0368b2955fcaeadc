"""A stage of a real server in a browser: compared without scripts, and after its end."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import NARROW, visit
from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, prefix_of, running_service

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

WHEEL = a_wheel(version="2.0")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """Run one server for the module."""
    folder = tmp_path_factory.mktemp("ended")
    async with FakeIndex.running() as index, running_service(folder / "data", index) as running:
        yield running


async def test_hashes_without_scripts(chromium: Browser, service: RunningService) -> None:
    """Without scripts, the form sends the lines, and the page marks them."""
    url = prefix_of(await service.staged(WHEEL))
    async with visit(chromium, url, scripts=False) as seen:
        field = seen.page.get_by_label("Hashes of your build")
        await field.fill(f"{WHEEL.sha256}  {WHEEL.filename}")
        await seen.page.get_by_role("button", name="Compare").click()

        said = await seen.page.locator("#compare-result .notice").inner_text()
    assert said == "Every file of the stage is in these lines, with its hash."


async def test_expired(chromium: Browser, service: RunningService) -> None:
    """The URL of an expired stage says what happened and what to do, on any screen."""
    url = prefix_of(await service.staged(WHEEL))
    service.clock.advance(days=30)
    problem = "the console: Failed to load resource: the server responded with a status of 410"
    async with visit(chromium, url, width=NARROW) as seen:
        heading = await seen.page.get_by_role("heading", level=1).inner_text()
        notice = await seen.page.locator(".notice").inner_text()

        assert await seen.find_barriers() == []
        assert not await seen.is_wider_than_the_window()
        # Chromium notes the status of the page itself.
        assert [one.startswith(problem) for one in seen.problems] == [True]
        seen.problems.clear()
    assert heading == "This stage URL is no longer valid"
    assert notice.endswith("it expired.")
