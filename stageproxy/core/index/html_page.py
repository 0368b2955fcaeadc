"""An HTML page of the index as pip and uv read it: its links to files, and its metadata."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from stageproxy.core.index.charsets import DecodedPage, decoded_page
from stageproxy.core.index.html_tags import Attribute, Tag, TagReader
from stageproxy.core.index.pages import UnreadablePageError, is_distribution

_ORIGIN = re.compile(r"(?:[a-z][a-z0-9+.-]*+:)?//[^/]*+", re.IGNORECASE)
_AFTER_PATH = re.compile(r"[?#]")
_NOT_IN_URLS = str.maketrans("", "", "\t\r\n")
_MARKUP = re.compile(r"<[^>]*+>?+")
_WORD = re.compile(r"[^\s/]+")
_LINK_ENDS = ("a", "/a")
_PHRASES = ("links for ", "index of ", "directory listing for ")
_TITLE_OF_ANY_PAGE = "simple index"


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link that may be to a file: its filename, its attributes and its position."""

    filename: str
    attributes: Mapping[str, Attribute]
    start: int
    end: int

    @property
    def href(self) -> str:
        """The link as it is written, without character references."""
        return self.attributes["href"].value

    def get(self, name: str) -> str | None:
        """Return the value of an attribute, `None` if the link does not have it."""
        return self.attributes[name].value if name in self.attributes else None


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """The text of a page, and what it says: *base* is `None` without one.

    More links can be added at *end*, where both pip and uv still read them.
    """

    text: str
    codec: str
    links: Sequence[PageLink]
    base: str | None
    status: str
    end: int


def parse_html_page(body: bytes, content_type: str, project: str) -> HtmlPage:
    """Return the page of a project. Raise `UnreadablePageError` if it is not one.

    The text of a link does not matter. There may be other links than those to files.
    """
    page = decoded_page(body, content_type)
    try:
        return _parse(page, project)
    except ValueError as error:
        msg = f"not an HTML page of the simple API ({error})"
        raise UnreadablePageError(msg) from error


def filename_in(href: str) -> str:
    """Return the last segment of the path of a URL: the name of the file, if it is one."""
    path = _AFTER_PATH.split(href.translate(_NOT_IN_URLS).lstrip(), maxsplit=1)[0]
    origin = _ORIGIN.match(path)
    return unquote(path[origin.end() if origin else 0 :].rpartition("/")[2])


def _parse(page: DecodedPage, project: str) -> HtmlPage:
    reader = TagReader(page.text)
    tags = list(reader)
    links = list(_links(tags, reader.end))
    metadata = _metadata(tags)
    has_files = any(is_distribution(one.filename) for one in links)
    if not has_files and not _is_empty_page(page.text, tags, metadata, project):
        msg = "it lists no files, and has neither an API version nor the project's name as title"
        raise ValueError(msg)
    bases = (tag.get("href") for tag in tags if tag.name == "base")
    return HtmlPage(
        page.text,
        page.codec,
        links,
        base=next((one for one in bases if one is not None), None),
        status=metadata.get("pypi:project-status") or "active",
        end=_end_of_body(tags) or reader.end,
    )


def _links(tags: Sequence[Tag], end: int) -> Iterator[PageLink]:
    """Return the links that have a filename. One without an end tag ends at the next tag."""
    opened: Tag | None = None
    after_opened = end
    starts = [*(tag.start for tag in tags), end]
    for tag, after in zip(tags, starts[1:], strict=True):
        if opened is not None and tag.name in _LINK_ENDS:
            yield _link(opened, tag.end if tag.name == "/a" else after_opened)
            opened = None
        if tag.name == "a" and filename_in(tag.get("href") or "").strip("."):
            opened, after_opened = tag, after
    if opened is not None:
        yield _link(opened, after_opened)


def _link(tag: Tag, end: int) -> PageLink:
    return PageLink(filename_in(tag.get("href") or ""), tag.attributes, tag.start, end)


def _metadata(tags: Sequence[Tag]) -> Mapping[str, str]:
    """Return the metadata of the page. Of repeated names, the first counts."""
    metas = [tag for tag in tags if tag.name == "meta"]
    return {
        tag.get("name") or "": tag.get("content") or tag.get("value") or ""
        for tag in reversed(metas)
    }


def _is_empty_page(
    text: str, tags: Sequence[Tag], metadata: Mapping[str, str], project: str
) -> bool:
    """Return whether a page without files is that of the project, and not one to log in, say.

    It has an API version, or a title or a first heading that names the project.
    """
    if "pypi:repository-version" in metadata or "api-version" in metadata:
        return True
    if any(_is_for_people(tag) for tag in tags):
        return False
    return any(_is_title_of(project, title) for title in _titles(text, tags))


def _is_for_people(tag: Tag) -> bool:
    """Return whether a tag belongs to a form that is sent, with a password for example."""
    if tag.name == "form":
        return (tag.get("method") or "").lower() == "post"
    return tag.name == "input" and (tag.get("type") or "").lower() == "password"


def _titles(text: str, tags: Sequence[Tag]) -> Iterator[str]:
    for tag in tags:
        if tag.name == "title":
            yield unescape(tag.content)
    starts = [tag.end for tag in tags if tag.name == "h1"]
    ends = [tag.start for tag in tags if tag.name == "/h1"]
    if starts and ends:
        yield unescape(_MARKUP.sub("", text[starts[0] : ends[0]]))


def _is_title_of(project: str, title: str) -> bool:
    """Return whether a title is that of a project's page, as indexes and servers write it.

    Its last word is the name, or a path that ends with it. More words may follow only
    after one of the usual phrases.
    """
    words = [canonicalize_name(word) for word in _WORD.findall(title)]
    if words[-1:] == [project]:
        return True
    start = " ".join(title.lower().split())
    return start == _TITLE_OF_ANY_PAGE or (start.startswith(_PHRASES) and project in words)


def _end_of_body(tags: Sequence[Tag]) -> int | None:
    """Return where the body of a page ends, `None` if the page does not say it."""
    ends = {tag.name: tag.start for tag in tags if tag.name in {"/body", "/html"}}
    return ends.get("/body", ends.get("/html"))
