"""One browser for all journeys in it, in one event loop."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import running_chromium


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Run a browser, which starts in half a second, for all tests."""
    async with running_chromium() as browser:
        yield browser
