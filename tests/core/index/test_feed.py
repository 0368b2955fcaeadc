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
    """The staged release is the newest item; all other bytes stay (#92)."""
    body = a_feed("1.1", "1.0")

    feed = add_to_feed(body, ITEM)

    assert versions_in(feed) == ["2.0", "1.1", "1.0"]
    at, length = len(HEAD.encode()), len(feed) - len(body)
    assert feed[:at] + feed[at + length :] == body


def test_what_an_item_says() -> None:
    """An item has version, link, description, author and time, as PyPI's do (#92)."""
    feed = add_to_feed(a_feed("1.0"), replace(ITEM, authors=("a@example.org", "b@example.org")))

    assert {one.tag: one.text for one in items_in(feed)[0]} == {
        "title": "2.0",
        "link": f"{SITE}/project/demo/2.0/",
        "description": "A demo",
        "author": "a@example.org, b@example.org",
        "pubDate": "Sun, 22 Nov 2026 12:00:00 GMT",
    }


def test_feed_without_items() -> None:
    """The first release enters a feed that has none (#92)."""
    assert versions_in(add_to_feed(a_feed(), ITEM)) == ["2.0"]


@pytest.mark.parametrize("count", [LONGEST - 1, LONGEST, LONGEST + 2])
def test_longest(count: int) -> None:
    """The feed has forty items at most, the newest ones (#92)."""
    versions = [f"1.{number}" for number in range(count, 0, -1)]

    feed = add_to_feed(a_feed(*versions), ITEM)

    assert versions_in(feed) == ["2.0", *versions[: LONGEST - 1]]
    assert feed.decode().endswith(f"</item>\n{FOOT}")


@pytest.mark.parametrize("spelled", ["2.0", "2", "2.0.0", " 2.0\n", "v2.0"])
def test_release_in_the_feed(spelled: str) -> None:
    """A feed that has the release, in whatever spelling, keeps every byte (#88, #92)."""
    body = a_feed("3.0", spelled, "1.0")

    assert add_to_feed(body, ITEM) == body


def test_twice_is_once() -> None:
    """A release enters the feed once."""
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
def test_styles(body: bytes) -> None:
    """However a mirror writes the feed, the release enters it."""
    assert versions_in(add_to_feed(body, ITEM)) == ["2.0", "1.1", "1.0"]


@given(st.text())
def test_any_summary(summary: str) -> None:
    """For any summary the feed stays XML, and says all of it that XML can say."""
    feed = add_to_feed(a_feed("1.0"), replace(ITEM, summary=f"x{summary}x"))

    said = items_in(feed)[0].findtext("description")
    kept = "".join(one for one in summary if one >= " " and one not in "\ufffe\uffff")
    assert said.replace("\n", "").replace("\t", "") == f"x{kept}x"


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
def test_unreadable(body: bytes) -> None:
    """What is not the project's feed, or not all of it, is never added to (#77; B32)."""
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
def test_time_is_bounded(body: bytes) -> None:
    """A megabyte of what invites to look twice is read once (B33)."""
    started = process_time()

    with suppress(UnreadablePageError):
        add_to_feed(body, ITEM)

    assert process_time() - started < 2
