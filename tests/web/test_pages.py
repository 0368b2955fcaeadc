"""What all pages have in common: headers, policy, and how foreign texts are shown."""

import re

import pytest

from stageproxy.web.pages import environment, load_templates, policy_of, visible
from tests.support.servers.service import RunningService

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("page", ["home", "stage"])
async def test_policy(service: RunningService, prefix: str, page: str) -> None:
    """A page may load the assets of this server, and nothing from elsewhere."""
    answer = await service.get(prefix if page == "stage" else "/", BROWSER)

    assets = f"{service.url}/assets/"
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src {assets}; script-src {assets}; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("page", ["home", "stage"])
async def test_nothing_is_inline(service: RunningService, prefix: str, page: str) -> None:
    """No page has a style or a script of its own, and each names its language."""
    text = (await service.get(prefix if page == "stage" else "/", BROWSER)).text

    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert len(re.findall("<script", text)) == len(re.findall("<script defer src=", text))
    assert '<html lang="en">' in text
    assert 'href="#main"' in text


def test_policy_of_an_ipv6_address() -> None:
    """A policy cannot name an IPv6 address: assets then come from wherever the page came from."""
    assert "style-src 'self'; script-src 'self'" in policy_of("http://[::1]:8726")


def test_templates_are_compiled_before_the_first_page() -> None:
    """Nobody waits until a template is compiled: it is done when the server starts."""
    load_templates()

    compiled = {name for _, name in environment().cache or ()}
    assert {"templates/layout.html", "preview/pages/stage.html"} <= compiled


VISIBLE = {
    "evil\u202egnp.exe": "evil\\u{202e}gnp.exe",
    "a\x00b\x1b[31m": "a\\u{0000}b\\u{001b}[31m",
    "zero\u200bwidth": "zero\\u{200b}width",
    "\ud800": "\\u{d800}",
    "two\nlines\tand a\u00a0space": "two\nlines\tand a\u00a0space",
    "שלום": "שלום",
}


@pytest.mark.parametrize(("text", "shown"), VISIBLE.items())
def test_invisible_characters_are_escaped(text: str, shown: str) -> None:
    """What cannot be seen, or turns other characters around, is shown as an escape."""
    assert visible(text) == shown


def test_each_value_of_a_template_is_made_visible_and_escaped() -> None:
    """No template has to think of it."""
    template = environment().from_string("<p title='{{ text }}'>{{ text }}</p>")

    shown = template.render(text="<b>\u202e'")

    assert shown == "<p title='&lt;b&gt;\\u{202e}&#39;'>&lt;b&gt;\\u{202e}&#39;</p>"
