"""The staged release in the feed of releases."""

from contextlib import suppress
from dataclasses import replace
from time import process_time
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageproxy.core.index.feed import LONGEST, FeedItem, add_to_feed
from stageproxy.core.index.pages import UnreadablePageError
from tests.support.ports.clock import NOON

SITE = "https://index.example.org"
ITEM = FeedItem("2.0", f"{SITE}/project/demo/2.0/", "A demo", (), NOON)
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0">\n  <channel>\n'
    "    <title>PyPI recent updates for Demo</title>\n"
    f"    <link>{SITE}/project/demo/</link>\n"
)
FOOT = "  </channel>\n</rss>"


def an_item(version: str) -> str:
    """Return an item as PyPI writes it."""
    link = f"<link>{SITE}/project/demo/{version}/</link>"
    return f"    <item>\n      <title>{version}</title>\n      {link}\n    </item>\n"


def a_feed(*versions: str, head: str = HEAD, foot: str = FOOT) -> bytes:
    """Return the feed of releases, the newest first."""
    return f"{head}{''.join(map(an_item, versions))}{foot}".encode()


def items_in(feed: bytes) -> list[Any]:
    """Return the items of a feed."""
    return list(ET.fromstring(feed).iter("item"))


def versions_in(feed: bytes) -> list[str | None]:
    """Return the titles of the items of a feed."""
    return [one.findtext("title") for one in items_in(feed)]


def test_staged_release_comes_first() -> None:
    """The staged release is the newest item; all other bytes are unchanged."""
    body = a_feed("1.1", "1.0")

    feed = add_to_feed(body, ITEM)

    assert versions_in(feed) == ["2.0", "1.1", "1.0"]
    at, length = len(HEAD.encode()), len(feed) - len(body)
    assert feed[:at] + feed[at + length :] == body


def test_item_of_the_staged_release() -> None:
    """An item has title, link, description, author and time, as PyPI's items do."""
    feed = add_to_feed(a_feed("1.0"), replace(ITEM, authors=("a@example.org", "b@example.org")))

    assert {one.tag: one.text for one in items_in(feed)[0]} == {
        "title": "2.0",
        "link": f"{SITE}/project/demo/2.0/",
        "description": "A demo",
        "author": "a@example.org, b@example.org",
        "pubDate": "Sun, 22 Nov 2026 12:00:00 GMT",
    }


def test_feed_without_items() -> None:
    """The first release is added to a feed without items."""
    assert versions_in(add_to_feed(a_feed(), ITEM)) == ["2.0"]


@pytest.mark.parametrize("count", [LONGEST - 1, LONGEST, LONGEST + 2])
def test_feed_has_at_most_forty_items(count: int) -> None:
    """The feed has the forty newest items."""
    versions = [f"1.{number}" for number in range(count, 0, -1)]

    feed = add_to_feed(a_feed(*versions), ITEM)

    assert versions_in(feed) == ["2.0", *versions[: LONGEST - 1]]
    assert feed.decode().endswith(f"</item>\n{FOOT}")


@pytest.mark.parametrize("spelled", ["2.0", "2", "2.0.0", " 2.0\n", "v2.0"])
def test_published_release_changes_nothing(spelled: str) -> None:
    """A feed that lists the release, in any spelling, is returned unchanged."""
    body = a_feed("3.0", spelled, "1.0")

    assert add_to_feed(body, ITEM) == body


def test_adding_twice_adds_once() -> None:
    """A release is added to the feed once."""
    once = add_to_feed(a_feed("1.0"), ITEM)

    assert add_to_feed(once, ITEM) == once


STYLES = {
    "on one line": a_feed("1.1", "1.0").replace(b"\n", b"").replace(b"  ", b""),
    "with carriage returns": a_feed("1.1", "1.0").replace(b"\n", b"\r\n"),
    "with attributes": a_feed("1.1", "1.0").replace(b"<item>", b'<item rdf="x">'),
    "with a byte order mark": b"\xef\xbb\xbf" + a_feed("1.1", "1.0"),
    "with another site's link": a_feed("1.1", "1.0").replace(b"/project/demo/<", b"/demo/<"),
}


@pytest.mark.parametrize("body", STYLES.values(), ids=STYLES)
def test_styles_of_mirrors(body: bytes) -> None:
    """The release is added to a feed in any formatting."""
    assert versions_in(add_to_feed(body, ITEM)) == ["2.0", "1.1", "1.0"]


@given(st.text())
def test_any_summary(summary: str) -> None:
    """For any summary, the feed is XML and contains every character that XML allows."""
    feed = add_to_feed(a_feed("1.0"), replace(ITEM, summary=f"x{summary}x"))

    description = items_in(feed)[0].findtext("description")
    kept = "".join(one for one in summary if one >= " " and one not in "\ufffe\uffff")
    assert description.replace("\n", "").replace("\t", "") == f"x{kept}x"


UNREADABLE = {
    "empty": b"",
    "not UTF-8": a_feed("1.0").replace(b"Demo", b"D\xe9mo"),
    "HTML": b"<!DOCTYPE html>\n<html><body>Log in</body></html>",
    "JSON": b'{"info": {}}',
    "cut off within an item": a_feed("1.1", "1.0")[:-60],
    "cut off between items": a_feed("1.1", "1.0", foot=""),
    "another project": a_feed("1.0", head=HEAD.replace("/project/demo/", "/project/other/")),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_feed_is_refused(body: bytes) -> None:
    """A document that is not the whole feed of the project is refused."""
    with pytest.raises(UnreadablePageError):
        add_to_feed(body, ITEM)


LARGE = {
    "blanks": a_feed("1.0", head=HEAD + " " * 2**20),
    "items that do not end": a_feed(head=HEAD + "<item>" * 2**17),
    "titles that do not end": a_feed("1.0", head=HEAD + "<title>" * 2**17),
    "blanks in a title": a_feed("1.0", f"<title>{' ' * 2**20}"),
    "links": a_feed("1.0", head=HEAD.replace("<link>", "<link>/project/a" * 2**16)),
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_parsing_takes_linear_time(body: bytes) -> None:
    """A megabyte made for backtracking is parsed once."""
    started = process_time()

    with suppress(UnreadablePageError):
        add_to_feed(body, ITEM)

    assert process_time() - started < 2
