"""The staged release in `/rss/project/<project>/releases.xml`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape, unescape

from packaging.utils import canonicalize_name, canonicalize_version

from stageproxy.core.index.pages import UnreadablePageError
from stageproxy.core.index.splice import Edit, insertion, spliced

LONGEST = 40
"""The maximum number of releases in PyPI's feed."""

# Possessive quantifiers, and plain searches without a bound, keep the scan linear.
_ITEM_START = re.compile(r"<item[\s>]")
_ITEM_END = "</item>"
_LINE_END = re.compile(r"[ \t]*+\n?")
_TITLE = re.compile(r"<title>([^<]*+)</title>")
_PROJECT = re.compile(r"<link>[^<]*?/project/([^/<]++)/\s*+</link>")
_CHANNEL_END = "</channel>"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A release in the feed. *link* is the URL of its page."""

    version: str
    link: str
    summary: str
    authors: Sequence[str]
    released_at: datetime


def add_to_feed(body: bytes, item: FeedItem) -> bytes:
    """Return the feed with the staged release as its newest item, unless it is listed already."""
    text = _decoded(body)
    end = text.rfind(_CHANNEL_END)
    items = list(_items(text))
    start = items[0][0] if items else _line_start(text, 0, end)
    if end < 0 or _is_of_another_project(text[:start], item):
        msg = "not a feed of the project's releases"
        raise UnreadablePageError(msg)
    if any(_is_about(text[slice(*one)], item.version) for one in items):
        return body
    dropped = [Edit(*one, "") for one in items[LONGEST - 1 :]]
    return spliced(text, [insertion(start, _item(item)), *dropped]).encode()


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        msg = "the feed is not UTF-8"
        raise UnreadablePageError(msg) from error


def _items(text: str) -> Iterator[tuple[int, int]]:
    """Return the positions of the items, each with its whole lines."""
    position = 0
    while found := _ITEM_START.search(text, position):
        end = text.find(_ITEM_END, found.end())
        if end < 0:
            msg = "the feed is truncated"
            raise UnreadablePageError(msg)
        line_end = _LINE_END.match(text, end + len(_ITEM_END))
        start = _line_start(text, position, found.start())
        position = line_end.end() if line_end else end
        yield start, position


def _line_start(text: str, earliest: int, position: int) -> int:
    return earliest + len(text[earliest:position].rstrip(" \t"))


def _is_of_another_project(head: str, item: FeedItem) -> bool:
    """Return whether the feed names a project other than that of the item's link."""
    project = _PROJECT.search(head)
    return project is not None and f"/project/{canonicalize_name(project[1])}/" not in item.link


def _is_about(item: str, version: str) -> bool:
    title = _TITLE.search(item)
    listed = unescape(title[1]).strip() if title else ""
    return canonicalize_version(listed) == canonicalize_version(version)


def _item(item: FeedItem) -> str:
    author = f"      <author>{escape(', '.join(item.authors))}</author>\n" if item.authors else ""
    return (
        f"    <item>\n      <title>{escape(item.version)}</title>\n"
        f"      <link>{escape(item.link)}</link>\n"
        f"      <description>{escape(_NOT_XML.sub('', item.summary))}</description>\n{author}"
        f"      <pubDate>{format_datetime(item.released_at, usegmt=True)}</pubDate>\n"
        "    </item>\n"
    )
