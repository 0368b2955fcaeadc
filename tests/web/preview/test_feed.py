"""The staged release in the feed of the project's releases."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.index.fake_index import JUST_OUT, Quirks
from tests.support.servers.service import RunningService, prefix_of

FEED = "rss/project/demo/releases.xml"
OTHERS = ["rss/project/other/releases.xml", "rss/updates.xml", "rss/packages.xml"]


def items_in(text: str) -> list[dict[str, str | None]]:
    """Return the items of a feed, each by its tags."""
    return [{one.tag: one.text for one in item} for item in ET.fromstring(text).iter("item")]


async def test_staged_release_comes_first(service: RunningService, prefix: str) -> None:
    """The feed has one more item, the first, as PyPI would write it."""
    theirs = await service.get(f"{service.index.url}/{FEED}")

    ours = await service.get(prefix + FEED)

    page = f"{service.index.url}/project/demo/2.0/"
    item = {"title": "2.0", "link": page, "description": "A demo"}
    assert items_in(ours.text) == [
        item | {"pubDate": "Sun, 22 Nov 2026 12:00:00 GMT"},
        *items_in(theirs.text),
    ]
    assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


async def test_summary_is_text(service: RunningService) -> None:
    """A summary is escaped as text."""
    service.index.add("demo", a_wheel())
    summary = "</item><script>&amp;"
    prefix = prefix_of(await service.staged(a_wheel(version="2.0", summary=summary)))

    feed = (await service.get(prefix + FEED)).text

    assert items_in(feed)[0]["description"] == summary


async def test_published_release(service: RunningService) -> None:
    """A release that the feed already has is not added again."""
    service.index.add("demo", a_wheel(version="2.0.0"), extra_file_keys=JUST_OUT)
    prefix = prefix_of(await service.staged(a_wheel(version="2.0", tag="py2-none-any")))
    theirs = await service.get(f"{service.index.url}/{FEED}")

    ours = await service.get(prefix + FEED)

    assert ours.body == theirs.body


@pytest.mark.parametrize("path", OTHERS)
async def test_other_feeds_pass(service: RunningService, prefix: str, path: str) -> None:
    """Other feeds are upstream's, byte for byte."""
    theirs = await service.get(f"{service.index.url}/{path}")

    ours = await service.get(prefix + path)

    assert ours.status == theirs.status
    assert ours.body == theirs.body


async def test_empty_stage(service: RunningService, stage: Any) -> None:
    """A stage without files adds no item, but the feed has to be revalidated."""
    prefix = prefix_of(await service.open_stage("other", "9.0"))
    path = "rss/project/other/releases.xml"

    answer = await service.get(prefix + path)

    assert answer.body == (await service.get(f"{service.index.url}/{path}")).body
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert stage["status"] == "open"


@pytest.mark.parametrize("project", ["demo", "brandnew"], ids=["a mirror without", "a new project"])
async def test_no_feed(service: RunningService, project: str) -> None:
    """Where upstream has no feed there is none under the stage."""
    service.index.add("demo", a_wheel())
    service.index.quirks = Quirks(missing={f"/{FEED}"})
    prefix = prefix_of(await service.staged(a_wheel(project, "2.0")))

    assert (await service.get(f"{prefix}rss/project/{project}/releases.xml")).status == 404


async def test_name_in_another_spelling(service: RunningService, prefix: str) -> None:
    """A name that is not normalized redirects to the normalized one, within the stage."""
    answer = await service.get(f"{prefix}rss/project/DeMo/releases.xml")

    assert answer.status == 301
    assert answer.headers["Location"] == prefix.removeprefix(service.url) + FEED
