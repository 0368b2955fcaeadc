"""The stage URL itself, as a page and as JSON."""

import re
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution, a_wheel
from tests.support.builders.forms import twine_form
from tests.support.promotion.promotion_client import PromotionClient, an_entry
from tests.support.servers.service import RunningService, prefix_of

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SCRIPT = '<script>alert("x")</script>'


async def test_page(service: RunningService, prefix: str, wheel: Distribution) -> None:
    """A browser gets a page with the files and the commands."""
    answer = await service.get(prefix, BROWSER)

    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "<title>demo 2.0, staged</title>" in answer.text
    assert wheel.filename in answer.text
    assert f"<pre>pip --isolated install --index-url {prefix}simple/ demo==2.0</pre>" in answer.text
    assert (
        f"<pre>pip install --extra-index-url {prefix}+only/simple/ demo==2.0</pre>" in answer.text
    )
    assert f"<pre>uv pip install --default-index {prefix}simple/ demo==2.0</pre>" in answer.text


@pytest.mark.parametrize("accept", [None, "*/*", BROWSER, "text/html"])
async def test_page_is_for_everyone_else(
    service: RunningService, prefix: str, accept: str | None
) -> None:
    """A client that does not ask for JSON gets the page."""
    answer = await service.get(prefix, accept)

    assert answer.headers["Content-Type"].startswith("text/html")


async def test_links_of_the_page(service: RunningService, prefix: str, wheel: Distribution) -> None:
    """The links of the page lead to the files."""
    page = (await service.get(prefix, BROWSER)).text
    link = next(one for one in re.findall('href="([^"]+)"', page) if wheel.filename in one)

    assert (await service.get(prefix + link)).body == wheel.content


async def test_page_is_escaped(service: RunningService) -> None:
    """What a client sent is escaped on the page."""
    odd = a_wheel(version="2.0", metadata=f"Metadata-Version: 2.1\nName: {SCRIPT}\nVersion: 2.0\n")
    taken = await service.post(twine_form(odd, name="demo", staged="true"))

    page = await service.get(prefix_of(taken.document), BROWSER)

    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize("accept", ["application/json", "application/json, text/html;q=0.5"])
async def test_json(service: RunningService, prefix: str, stage: Any, accept: str) -> None:
    """A client that asks for JSON gets the stage as JSON."""
    answer = await service.get(prefix, accept)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.document["files"] == stage["files"]
    assert {"accept", "authorization"} <= set(answer.headers["Vary"].lower().split(", "))


async def test_links_without_a_credential(service: RunningService, prefix: str) -> None:
    """Without a credential there are no links to what needs one."""
    answer = await service.get(prefix, "application/json")

    assert set(answer.document["links"]) == {"stage", "review"}


LINKS = {
    "admin": {"session", "stage", "review", "legacy-upload", "upload", "publish", "extend"},
    "manage": {"session", "stage", "review", "legacy-upload", "upload", "publish", "extend"},
    "upload": {"session", "stage", "review", "legacy-upload", "upload"},
    "other": {"stage", "review"},
}


@pytest.mark.parametrize("who", LINKS)
async def test_links_by_credential(service: RunningService, prefix: str, who: str) -> None:
    """A credential adds the links that it can use, and no others."""
    order = {"project": "third"} if who == "other" else {"can": who}
    token = await service.token(**{"project": "*" if who == "admin" else "demo", **order})

    answer = await service.get(prefix, "application/json", Authorization=f"Bearer {token}")

    assert set(answer.document["links"]) == LINKS[who]


async def test_json_is_not_modified(service: RunningService, prefix: str) -> None:
    """The stage as JSON has an ETag that can be revalidated."""
    first = await service.get(prefix, "application/json")

    again = await service.get(prefix, "application/json", If_None_Match=first.headers["ETag"])

    assert again.status == 304


async def test_manifest_digest_on_the_page(
    service: RunningService, prefix: str, stage: Any
) -> None:
    """The page shows the manifest digest."""
    page = await service.get(prefix, BROWSER)

    assert f'<code class="digest">{stage["manifest-digest"]}</code>' in page.text
    assert f"This release is not on {service.index_name} yet." in page.text
    assert "<dt>Expires</dt><dd>in 7 days</dd><dd>2026-11-29 12:00 UTC</dd>" in page.text


async def test_page_while_it_is_published(
    promotion_client: PromotionClient, prefix: str, stage: Any, wheel: Distribution
) -> None:
    """During publishing the page shows the state of each file, and no expiry."""
    promotion = (await promotion_client.start(stage, "client")).document
    await promotion_client.report(promotion, an_entry(wheel.filename))

    page = (await promotion_client.service.get(prefix, BROWSER)).text

    assert re.findall("<td>(confirmed|pending)</td>", page) == ["confirmed", "pending"]
    assert f"1 of 2 files are published: {wheel.filename}." in page
    assert "<title>demo 2.0, being published</title>" in page
    assert "is being published right now" in page
    assert f"not on {promotion_client.service.index_name} yet" not in page
    assert "Expires" not in page


async def test_page_after_a_failure(
    promotion_client: PromotionClient, prefix: str, stage: Any, wheel: Distribution
) -> None:
    """The page shows why a promotion stopped, escaped as text."""
    promotion = (await promotion_client.start(stage, "client")).document
    entry = an_entry(wheel.filename, "refused", said=SCRIPT)
    await promotion_client.report(promotion, entry, ending="error", reason=SCRIPT)

    page = (await promotion_client.service.get(prefix, BROWSER)).text

    assert "<title>demo 2.0, not published</title>" in page
    assert "<dt>Expires</dt>" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<td>refused</td>" in page


async def test_page_of_half_a_release(
    promotion_client: PromotionClient, prefix: str, stage: Any, wheel: Distribution
) -> None:
    """The page of a partly published release does not claim that it is unpublished."""
    promotion = (await promotion_client.start(stage, "client")).document
    await promotion_client.report(promotion, an_entry(wheel.filename), ending="error", reason="No.")

    page = (await promotion_client.service.get(prefix, BROWSER)).text

    assert "<title>demo 2.0, partially published</title>" in page
    name = promotion_client.service.index_name
    assert f"Some files of this release may already be on {name}." in page
    assert f"not on {promotion_client.service.index_name} yet" not in page
    assert "Expires" not in page


async def test_front_page(service: RunningService) -> None:
    """The front page describes the server."""
    answer = await service.get("/", BROWSER)

    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert f"{service.url}/legacy/" in answer.text
