"""Pages in a real browser: Debian's Chromium, which notes everything that must not happen.

Nothing active may come from a foreign text, no other host may be asked, and the content security
policy may have nothing to prevent: `Visit.problems` lists whatever did.
"""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Dialog, Page, Request, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Screenshots are the same on every machine.
    "--font-render-hinting=none",
    "--hide-scrollbars",
)
SCREENSHOTS = "SCREENSHOTS"
"""The variable that names the folder of screenshots; there are none without it."""
_GRAVE = frozenset({"serious", "critical"})
WIDE = 1280
NARROW = 360
_HEIGHT = 900


@dataclass
class Visit:
    """A tab of the browser, and what must not have happened in it."""

    page: Page = field(repr=False)
    origin: str
    problems: list[str] = field(default_factory=list)

    async def note_dialog(self, dialog: Dialog) -> None:
        """Note a dialog, which only an active text opens, and close it."""
        self.problems.append(f"a dialog: {dialog.message}")
        await dialog.dismiss()

    def note_request(self, request: Request) -> None:
        """Note a request to another host."""
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.problems.append(f"a request of {request.url}")

    def note_console(self, message: ConsoleMessage) -> None:
        """Note an error in the console: what the policy prevented is one."""
        if message.type == "error":
            self.problems.append(f"the console: {message.text}")

    async def is_wider_than_the_window(self) -> bool:
        """Return whether somebody has to scroll sideways to read the page."""
        widths = "[document.documentElement.scrollWidth, window.innerWidth]"
        needed, there = await self.page.evaluate(widths)
        return bool(needed > there)

    async def find_barriers(self) -> list[str]:
        """Return what axe-core finds that keeps people out, with the elements."""
        await self.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text())
        found = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [_barrier(one) for one in found["violations"] if one["impact"] in _GRAVE]

    async def tab_stops(self, most: int = 400) -> list[str]:
        """Return what the tabulator key reaches, one after another, until it comes around."""
        stops: list[str] = []
        for _ in range(most):
            await self.page.keyboard.press("Tab")
            stop = await self.page.evaluate(_FOCUSED)
            if not stop or stop in stops:
                break
            stops.append(stop)
        return stops

    async def shoot(self, name: str, part: str = "") -> None:
        """Save a screenshot of the window or of a *part*, if a folder for them is named."""
        folder = os.environ.get(SCREENSHOTS)
        if not folder:
            return
        path = Path(folder) / f"{name}.png"
        if part:
            await self.page.locator(part).screenshot(path=path, animations="disabled")
        else:
            await self.page.screenshot(path=path, animations="disabled")


_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return "";
  one.dataset.stop ??= String(window.stops = (window.stops ?? 0) + 1);
  const name = one.getAttribute("aria-label") ?? one.textContent.trim().slice(0, 60);
  return `${one.dataset.stop} ${one.localName} ${name}`;
}"""


def find_chromium() -> Path:
    """Return the browser. Skip the test without one, and fail in CI, which installs it."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = "Chromium is not installed: `apt-get install chromium`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(path)


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run a browser without a window."""
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visit(
    browser: Browser,
    url: str,
    *,
    width: int = WIDE,
    dark: bool = False,
    scripts: bool = True,
    **options: Any,
) -> AsyncIterator[Visit]:
    """Open a page in a tab of its own, with no cookies. Fail at the end if it has problems."""
    context = await browser.new_context(
        viewport={"width": width, "height": _HEIGHT},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        java_script_enabled=scripts,
        **options,
    )
    try:
        page = await context.new_page()
        seen = Visit(page, origin_of(url))
        page.on("dialog", seen.note_dialog)
        page.on("request", seen.note_request)
        page.on("console", seen.note_console)
        page.on("pageerror", lambda error: seen.problems.append(f"a script failed: {error}"))
        page.on("popup", lambda other: seen.problems.append(f"a window of {other.url}"))
        await page.goto(url)
        yield seen
        assert seen.problems == []
    finally:
        await context.close()


def origin_of(url: str) -> str:
    """Return the scheme, host and port of a URL."""
    return "/".join(url.split("/")[:3])


def _barrier(violation: Mapping[str, Any]) -> str:
    nodes = [str(one["html"])[:150] for one in violation["nodes"][:3]]
    return f"{violation['id']}: {violation['help']} in {nodes}"
