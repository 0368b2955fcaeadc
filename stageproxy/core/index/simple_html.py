"""Staged files on an HTML page of the simple API (PEP 503, 592, 658, 714, 833)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import unquote, urljoin, urlsplit

from stageproxy.core.index.links import PageLinks
from stageproxy.core.index.merge import additions, in_order, place_for
from stageproxy.core.index.pages import (
    ListedFile,
    Listing,
    StagedFile,
    UnreadablePageError,
    resolved,
)
from stageproxy.core.index.splice import Edit, insertion, spliced

# Possessive quantifiers prevent backtracking and keep the scan linear.
_TAG = re.compile(r"<(/?[a-zA-Z][^\s/>]*+)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_TAG_START = re.compile(r"</?[a-zA-Z]")
_ATTRIBUTE = re.compile(r"([^\s\"'>/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++)))?+")
_SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]*:")
_BODY_END = re.compile(r"</body>", re.IGNORECASE | re.ASCII)
_LINE_END = re.compile(r"[ \t]*+(?:<br\s*+/?>)?[ \t]*+\r?\n?", re.IGNORECASE)
_END_OF_DOCUMENT = "</html>"
_BASE = "base"
_API_NAMES = "pypi:"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute's value and its position in the document, which is empty without a value."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of the page: its attributes, its text and its position."""

    attributes: Mapping[str, Attribute]
    text: str
    start: int
    end: int

    def get(self, name: str) -> str | None:
        """Return the value of an attribute, `None` if the link does not have it."""
        return self.attributes[name].value if name in self.attributes else None


@dataclass(frozen=True, slots=True)
class _Document:
    text: str
    anchors: Sequence[Anchor]
    base: str | None
    status: str | None
    version: str | None


def read_html_page(body: bytes) -> Listing:
    """Return the files that an HTML page lists. Raise `UnreadablePageError` if it is invalid."""
    return _listing(_parse(body))


def add_to_html_page(body: bytes, staged: Sequence[StagedFile], links: PageLinks) -> bytes:
    """Return the page with the *staged* files that it does not list.

    Upstream's bytes do not change, except those of links that have to be replaced. If
    the page has a base URL, links of staged files are absolute.
    """
    document = _parse(body)
    missing = additions(_listing(document), staged)
    edits = [*_new_links(document, missing, links), *_replaced_links(document, links)]
    return spliced(document.text, edits).encode() if edits else body


def _new_links(
    document: _Document, missing: Sequence[StagedFile], links: PageLinks
) -> Iterator[Edit]:
    base = links.page_url if document.base is not None else ""
    names = [_filename(anchor) for anchor in document.anchors]
    for one in missing:
        yield insertion(_place(document, place_for(one.filename, names)), _link(one, base))


def new_html_page(project: str, staged: Sequence[StagedFile]) -> bytes:
    """Return the page of a project with only *staged* files, formatted as PyPI does."""
    links = "".join(_link(one, "") for one in in_order(staged))
    status = '<meta name="pypi:project-status" content="active">'
    return _shell(f"Links for {project}", status, f"<h1>Links for {project}</h1>\n{links}")


def new_html_list(projects: Sequence[str]) -> bytes:
    """Return a list of projects, formatted as PyPI does; links are relative to the list."""
    links = "".join(f'<a href="{name}/">{name}</a>\n' for name in projects)
    return _shell("Simple index", "", links)


def has_end(body: bytes) -> bool:
    """Return whether the document is complete. Nothing must be added to a truncated one."""
    return _END_OF_DOCUMENT.encode() in body[-4096:].lower()


def _shell(title: str, head: str, content: str) -> bytes:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n  <head>\n'
        '    <meta name="pypi:repository-version" content="1.4">\n'
        f"{head}    <title>{title}</title>\n  </head>\n  <body>\n{content}</body>\n</html>\n"
    ).encode()


def _link(staged: StagedFile, base: str) -> str:
    """Return the line as PyPI formats it, with the same order of attributes and white space."""
    href = urljoin(base, staged.link)
    attributes = [f'href="{escape(href)}#sha256={staged.sha256}"']
    if staged.requires_python:
        attributes.append(f'data-requires-python="{escape(staged.requires_python)}"')
    if staged.yanked is not None:
        attributes.append(f'data-yanked="{escape(staged.yanked)}"')
    if staged.core_metadata_sha256:
        digest = f"sha256={staged.core_metadata_sha256}"
        attributes += [f'data-dist-info-metadata="{digest}"', f'data-core-metadata="{digest}"']
    return f"<a {' '.join(attributes)}>{escape(staged.filename)}</a><br />\n"


def _parse(body: bytes) -> _Document:
    """Return the document. Raise `UnreadablePageError` if it is not a page in UTF-8."""
    try:
        document = _read(body.decode())
        _check(document)
    except ValueError as error:
        msg = f"not an HTML page of the simple API ({error})"
        raise UnreadablePageError(msg) from error
    return document


def _read(text: str) -> _Document:
    anchors: list[Anchor] = []
    found: dict[str, str] = {}
    opened: tuple[dict[str, Attribute], int, int] | None = None
    for tag, start, end in _tags(text):
        name = tag[1].lower()
        if name == "a":
            opened = (_attributes(text, tag), start, end)
        elif name == "/a" and opened is not None:
            attributes, at, after = opened
            anchors.append(Anchor(attributes, unescape(text[after:start]).strip(), at, end))
            opened = None
        elif name in {"base", "meta"}:
            found = _metadata_in(name, _attributes(text, tag)) | found
    return _Document(
        text,
        anchors,
        found.get(_BASE),
        found.get("pypi:project-status"),
        found.get("pypi:repository-version"),
    )


def _tags(text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    position = 0
    while (position := text.find("<", position)) >= 0:
        if text.startswith("<!--", position):
            end = text.find("-->", position)
            position = end if end >= 0 else len(text)
            continue
        if tag := _TAG.match(text, position):
            yield tag, *tag.span()
            position = tag.end()
        elif _TAG_START.match(text, position):
            msg = f"the tag at character {position} is not closed"
            raise ValueError(msg)
        else:
            position += 1


def _attributes(text: str, tag: re.Match[str]) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for one in _ATTRIBUTE.finditer(text, *tag.span(2)):
        group = next((number for number in (2, 3, 4) if one[number] is not None), None)
        start, end = one.span(group) if group else (one.end(), one.end())
        found.setdefault(one[1].lower(), Attribute(unescape(text[start:end]), start, end))
    return found


def _metadata_in(name: str, attributes: Mapping[str, Attribute]) -> dict[str, str]:
    """Return the metadata of the page in a tag. Of repeated tags, the first counts."""
    if name == "base":
        return {_BASE: attributes["href"].value} if "href" in attributes else {}
    if "name" in attributes and "content" in attributes:
        key = attributes["name"].value
        return {key: attributes["content"].value} if key.startswith(_API_NAMES) else {}
    return {}


def _check(document: _Document) -> None:
    """Raise `ValueError` unless the document is a page of the simple API.

    The text of every link must be the last component of its URL (PEP 503); a page
    without links must have an API version. This refuses sign-in forms and error pages.
    """
    if document.version is None and not document.anchors:
        msg = "it has neither links nor an API version"
        raise ValueError(msg)
    for anchor in document.anchors:
        if _filename(anchor) != anchor.text:
            msg = f"the link {anchor.text[:80]!r} does not point to a file of that name"
            raise ValueError(msg)


def _filename(anchor: Anchor) -> str:
    return unquote(urlsplit(anchor.get("href") or "").path.rpartition("/")[2])


def _listing(document: _Document) -> Listing:
    files = [_listed(anchor, document.base or "") for anchor in document.anchors]
    return Listing({one.filename: one for one in files}, document.status or "active")


def _listed(anchor: Anchor, base: str) -> ListedFile:
    algorithm, _, digest = urlsplit(anchor.get("href") or "").fragment.partition("=")
    return ListedFile(
        filename=_filename(anchor),
        sha256=digest.lower() if algorithm == "sha256" else None,
        requires_python=anchor.get("data-requires-python") or None,
        yanked=anchor.get("data-yanked"),
        link=resolved(base, anchor.get("href") or ""),
    )


def _place(document: _Document, before: int) -> int:
    """Return the position of a new link that follows a number of links."""
    if before:
        end = document.anchors[before - 1].end
        line_end = _LINE_END.match(document.text, end)
        return line_end.end() if line_end else end
    if document.anchors:
        return document.anchors[0].start
    ends = [found.start() for found in _BODY_END.finditer(document.text)]
    return ends[-1] if ends else len(document.text)


def _replaced_links(document: _Document, links: PageLinks) -> Iterator[Edit]:
    """Return the edits of upstream's links that would not lead where upstream has the files."""
    for one in _links_of(document):
        link = links.replacement(one.value, document.base or "")
        if link is not None:
            yield Edit(one.start, one.end, _quoted(document.text, one, link))


def _links_of(document: _Document) -> Iterator[Attribute]:
    for anchor in document.anchors:
        if anchor.get("href"):
            yield anchor.attributes["href"]
        provenance = anchor.get("data-provenance")
        if provenance and not _SCHEME.match(provenance):
            yield anchor.attributes["data-provenance"]


def _quoted(text: str, attribute: Attribute, value: str) -> str:
    """Return *value* escaped for the attribute, with quotes if the attribute has none."""
    is_quoted = text[attribute.start - 1] in "\"'"
    return escape(value) if is_quoted else f'"{escape(value)}"'
