"""The home page in a browser: the support of all browser tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import NARROW, visit
from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """Run one server for the module."""
    folder: Path = tmp_path_factory.mktemp("home")
    async with FakeIndex.running() as index, running_service(folder / "data", index) as running:
        yield running


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_home(chromium: Browser, service: RunningService, *, dark: bool) -> None:
    """The home page asks no other host, runs no foreign script, and keeps nobody out."""
    async with visit(chromium, f"{service.url}/", dark=dark) as seen:
        assert await seen.find_barriers() == []


async def test_home_is_narrow(chromium: Browser, service: RunningService) -> None:
    """On a phone, nobody has to scroll sideways."""
    async with visit(chromium, f"{service.url}/", width=NARROW) as seen:
        assert not await seen.is_wider_than_the_window()


PROBLEMS = {
    "a dialog: x": ("dialog", "alert('x')"),
    "a request of http://127.0.0.2:9/": ("request", "new Image().src = 'http://127.0.0.2:9/'"),
    "the console: ": ("console", "document.body.innerHTML = '<p style=\"color: red\">'"),
    "a script failed: x": ("pageerror", "setTimeout(() => { throw new Error('x') })"),
}


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_problems_are_noted(chromium: Browser, service: RunningService, problem: str) -> None:
    """Whatever is active, asks another host or is against the policy fails a test."""
    event, script = PROBLEMS[problem]
    async with visit(chromium, f"{service.url}/") as seen:
        async with seen.page.expect_event(event):
            await seen.page.evaluate(script)

        assert any(one.startswith(problem) for one in seen.problems)
        seen.problems.clear()
