"""A release is published while the server is killed: the page goes on by itself."""

import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.batteries.restartable_server import RestartableServer
from tests.support.browser import visit
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.uploads.fake_uploads import Lag

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")


async def test_published_through_a_restart(chromium: Browser, tmp_path: Path) -> None:
    """Killed in the middle and started again, the server resumes, and the page shows the end."""
    async with RestartableServer.open(tmp_path) as server:
        server.keeps_port = True
        # The index does not list the wheel until it is told to: the promotion waits.
        server.index.uploads.lags = {WHEEL.filename: Lag(pages=10**6)}
        staged = await server.running.stage(WHEEL, SDIST)
        url = server.running.url
        async with visit(chromium, f"{url}/desk/sign-in") as seen:
            page = seen.page
            await page.get_by_label("API token").fill(server.running.admin_token)
            await page.get_by_role("button", name="Sign in").click()
            await page.goto(f"{url}/desk/stages/{staged.id}/publish")
            await page.get_by_role("button", name="Publish demo 2.0").click()
            await expect(page.get_by_text("accepted, not listed yet")).to_be_visible()
            await page.evaluate("window.isTheSame = true")

            server.running.process.send_signal(signal.SIGKILL)
            await server.running.process.wait()
            await server.end()
            await server.start()
            await expect(page.get_by_text("accepted, not listed yet")).to_be_visible()
            assert await page.evaluate("window.isTheSame")
            server.index.uploads.forget()

            await expect(page.get_by_text("This release is published")).to_be_visible(
                timeout=30_000
            )
            # While there was no server, the browser could not reach it.
            seen.problems = [one for one in seen.problems if "net::ERR_" not in one]

    accepted = {one.filename for one in server.index.uploads.history.attempts}
    assert SDIST.filename in accepted
