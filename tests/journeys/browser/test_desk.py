"""The desk in a browser: signing in, deciding, and watching how a release is published."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser import NARROW, Visit, visit
from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.desk_client import of
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient, an_entry, promotion_settings
from tests.support.servers.service import RunningService, prefix_of, running_service

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

WHEEL = a_wheel(version="2.0")
SDIST = an_sdist(version="2.0")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningService]:
    """Run one server for the module, which publishes on a fake index."""
    folder: Path = tmp_path_factory.mktemp("desk")
    async with (
        FakeIndex.running() as index,
        running_service(folder / "data", index, promotion=promotion_settings(index)) as running,
    ):
        index.uploads.use(running.clock)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def stage(service: RunningService) -> AsyncIterator[Any]:
    """Return a stage of a wheel and an sdist, which ends with the test."""
    with suppress(KeyError):
        service.index.remove("demo")
    staged = await service.staged(WHEEL, SDIST)
    yield staged
    await service.api("DELETE", f"stages/{staged['id']}")


@asynccontextmanager
async def at_desk(
    browser: Browser, service: RunningService, path: str = "/", **options: Any
) -> AsyncIterator[Visit]:
    """Sign in as the administrator, and open a page of the desk."""
    url = f"{service.url}/desk/sign-in"
    async with visit(browser, url, **options) as seen:
        await seen.page.get_by_label("API token").fill(service.admin)
        await seen.page.get_by_role("button", name="Sign in").click()
        await expect(seen.page.get_by_role("heading", name="Desk", exact=True)).to_be_visible()
        await seen.page.goto(service.url + path)
        yield seen


async def shows(seen: Visit, text: str) -> None:
    """Wait until a page shows a text."""
    await expect(seen.page.get_by_role("main").get_by_text(text).first).to_be_visible()


@pytest.mark.usefixtures("stage")
async def test_keyboard_alone(chromium: Browser, service: RunningService) -> None:
    """Somebody signs in, finds a stage, and extends it without a mouse."""
    async with visit(chromium, f"{service.url}/") as seen:
        keyboard = seen.page.keyboard
        await seen.page.get_by_label("API token").focus()
        await keyboard.type(service.admin)
        await keyboard.press("Enter")
        await shows(seen, "What waits for you")
        await seen.page.get_by_role("link", name="demo 2.0").first.press("Enter")
        stops = await seen.tab_stops()
        await seen.page.get_by_role("link", name="Extend").press("Enter")
        await seen.page.get_by_role("button", name="Extend").press("Enter")
        await shows(seen, "The stage lives longer now.")

    named = " ".join(stops)
    controls = (
        "Publish",
        "Extend",
        "Replace the URL",
        "Cancel the stage",
        "Remove demo-2.0.tar.gz",
    )
    assert [one for one in controls if one not in named] == []


async def test_wrong_token(chromium: Browser, service: RunningService) -> None:
    """A wrong token is refused beside its field, and nobody is signed in."""
    async with visit(chromium, f"{service.url}/") as seen:
        await seen.page.get_by_label("API token").fill("stgm_nonsense")
        await seen.page.get_by_role("button", name="Sign in").click()

        await expect(seen.page.get_by_role("alert")).to_contain_text("has no such API token")
        assert await seen.page.context.cookies() == []
        # Chromium reports the status of the page in the console.
        seen.problems = [one for one in seen.problems if "403" not in one]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_published(
    chromium: Browser,
    service: RunningService,
    stage: Any,
    *,
    scripts: bool,
) -> None:
    """From the stage page to the index: the page goes on by itself until all is published."""
    path = prefix_of(stage).removeprefix(service.url)
    async with at_desk(chromium, service, path, scripts=scripts) as seen:
        await seen.page.get_by_role("link", name="Publish", exact=True).click()
        await shows(seen, "Manifest digest")
        await seen.page.get_by_role("button", name="Publish demo 2.0").click()

        await shows(seen, "This release is published")

    attempts = service.index.uploads.history.attempts
    assert [one.filename for one in attempts][-2:] == [WHEEL.filename, SDIST.filename]


async def test_progress(chromium: Browser, service: RunningService, stage: Any) -> None:
    """Each step shows on the page without a reload, and a reload shows the same."""
    client = PromotionClient(service)
    promotion = (await client.start(stage, "client")).document
    async with at_desk(chromium, service, of(stage)) as seen:
        await seen.page.evaluate("window.isTheSame = true")
        await shows(seen, "0 of 2 files are published.")
        await client.report(promotion, an_entry(WHEEL.filename, "sending"))
        await shows(seen, "being sent")
        assert await seen.page.evaluate("window.isTheSame")
        await seen.page.reload()
        await shows(seen, "being sent")
        service.index.add("demo", WHEEL, SDIST)
        await client.report_end(promotion)
        await shows(seen, "This release is published")


async def test_stopped(chromium: Browser, service: RunningService, stage: Any) -> None:
    """Publishing is stopped after a page has said what that does."""
    await PromotionClient(service).start(stage, "client")
    async with at_desk(chromium, service, of(stage)) as seen:
        await seen.page.get_by_role("link", name="Stop publishing").click()
        await shows(seen, "No other file is sent.")
        await seen.page.get_by_role("button", name="Stop publishing").click()

        await shows(seen, "not published: stopped")
        await expect(seen.page.get_by_role("link", name="Publish", exact=True)).to_be_visible()


async def test_removed_rotated_and_canceled(
    chromium: Browser, service: RunningService, stage: Any
) -> None:
    """A file is removed, the URL replaced, and the stage canceled, each after a question."""
    async with at_desk(chromium, service, of(stage)) as seen:
        await seen.page.get_by_role("link", name=f"Remove {SDIST.filename}").click()
        await seen.page.get_by_role("button", name="Remove the file").click()
        await shows(seen, "The file was removed from the stage.")
        for control, button, done in (
            ("Replace the URL", "Replace the URL", "The stage has a new URL."),
            ("Cancel the stage", "Cancel the stage", "The stage was canceled."),
        ):
            await seen.page.get_by_role("link", name=control).click()
            await seen.page.get_by_role("button", name=button).click()
            await shows(seen, done)


async def test_token_made_and_signed_out(chromium: Browser, service: RunningService) -> None:
    """A token is made and shown once; after signing out, the desk is closed."""
    async with at_desk(chromium, service, "/desk/tokens") as seen:
        await seen.page.get_by_label("Project, * for all").fill("demo")
        await seen.page.get_by_role("button", name="Make the token").click()
        await shows(seen, "Copy the token now")
        await seen.page.get_by_role("button", name="Sign out").click()
        await shows(seen, "Sign in to the desk")
        await seen.page.goto(f"{service.url}/desk/tokens")
        await expect(seen.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_read_only(chromium: Browser, service: RunningService, stage: Any) -> None:
    """A stranger with the stage URL sees no control; signing in leads to the stage at the desk."""
    async with visit(chromium, prefix_of(stage)) as seen:
        assert await seen.page.get_by_role("link", name="Publish", exact=True).count() == 0
        await seen.page.get_by_role("link", name="Sign in to decide").click()
        await seen.page.get_by_label("API token").fill(service.admin)
        await seen.page.get_by_role("button", name="Sign in").click()
        await expect(seen.page.get_by_role("link", name="Publish", exact=True)).to_be_visible()


PAGES = {
    "sign-in": "/desk/sign-in?again",
    "desk": "/",
    "tokens": "/desk/tokens",
    "stage": "{stage}",
    "publish": "{stage}/publish",
    "cancel": "{stage}/cancel",
    "audit": "{stage}/audit",
}


@pytest.mark.parametrize("width", [1280, NARROW], ids=["wide, light", "narrow, dark"])
async def test_nobody_is_kept_out(
    chromium: Browser, service: RunningService, stage: Any, width: int
) -> None:
    """Axe finds nothing serious on the pages of the desk, and nobody scrolls sideways."""
    found: dict[str, object] = {}
    async with visit(
        chromium, f"{service.url}/desk/sign-in", width=width, dark=width == NARROW
    ) as seen:
        found["sign-in"] = await seen.find_barriers()
        await seen.shoot(f"desk-sign-in-{width}")
    async with at_desk(chromium, service, width=width, dark=width == NARROW) as seen:
        for name, path in PAGES.items():
            await seen.page.goto(service.url + path.replace("{stage}", of(stage)))
            found[name] = [*await seen.find_barriers()]
            if await seen.is_wider_than_the_window():
                found[f"{name} is too wide"] = True
            await seen.shoot(f"desk-{name}-{width}")

    assert {name: one for name, one in found.items() if one} == {}
