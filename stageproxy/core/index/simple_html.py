"""Staged files on an HTML page of the simple API (PEP 503, 592, 658, 714, 833)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from urllib.parse import urljoin

from stageproxy.core.index.charsets import encoded_page
from stageproxy.core.index.html_page import HtmlPage, PageLink, parse_html_page
from stageproxy.core.index.html_tags import Attribute
from stageproxy.core.index.links import PageLinks, has_version
from stageproxy.core.index.merge import additions, in_order, place_for
from stageproxy.core.index.pages import (
    Document,
    ListedFile,
    Listing,
    StagedFile,
    UnreadablePageError,
    is_distribution_of,
    resolved,
)
from stageproxy.core.index.splice import Edit, insertion, spliced

_SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]*:")
_LINE_END = re.compile(r"[^<\n]*+(?:<br\s*+/?>[^<\n]*+)?+(?:\n|\Z)", re.IGNORECASE)
_BREAK = re.compile(r"[ \t]*+<br\s*+/?>[ \t]*+\r?\n?", re.IGNORECASE)
_SHA256 = re.compile(r"(?:^|&)sha256=([0-9a-f]{64})(?![^&])", re.IGNORECASE)
_END_OF_DOCUMENT = "</html>"
_METADATA = ("data-core-metadata", "data-dist-info-metadata")


def read_html_page(page: Document, project: str) -> Listing:
    """Return the files of *project* on a page. Raise `UnreadablePageError` if it is invalid."""
    return _listing(parse_html_page(page.body, page.content_type, project), project)


def add_to_html_page(
    page: Document, project: str, staged: Sequence[StagedFile], links: PageLinks
) -> bytes:
    """Return the page of *project* with the *staged* files that it does not list.

    Upstream's bytes do not change, except those of links that have to be replaced. The
    page keeps its encoding. If it has a base URL, links of staged files are absolute.
    """
    html = parse_html_page(page.body, page.content_type, project)
    missing = additions(_listing(html, project), staged)
    base = links.page_url if html.base is not None else ""
    files = _files_of(html, project)
    names = [one.filename for one in files]
    new = [
        insertion(_place(html, files, place_for(one.filename, names)), _link(one, base))
        for one in missing
    ]
    edits = [*_replaced_links(html, links), *new]
    return _encoded(page, html, edits) if edits else page.body


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


def _files_of(html: HtmlPage, project: str) -> Sequence[PageLink]:
    return [one for one in html.links if is_distribution_of(project, one.filename)]


def _listing(html: HtmlPage, project: str) -> Listing:
    files = [_listed(one, html.base or "") for one in _files_of(html, project)]
    return Listing({one.filename: one for one in files}, html.status)


def _listed(link: PageLink, base: str) -> ListedFile:
    url = resolved(base, link.href)
    digest = _SHA256.search(link.href.partition("#")[2])
    return ListedFile(
        filename=link.filename,
        sha256=digest[1].lower() if digest else None,
        requires_python=link.get("data-requires-python") or None,
        yanked=link.get("data-yanked"),
        link=url,
        has_metadata=any(link.get(name) not in {None, "false"} for name in _METADATA),
        provenance=link.get("data-provenance"),
    )


def _encoded(page: Document, html: HtmlPage, edits: Iterable[Edit]) -> bytes:
    """Return the edited page. Raise `UnreadablePageError` if its other bytes would change."""
    if encoded_page(html.text, html.codec) != page.body:
        msg = f"an HTML page that cannot be edited in its encoding, {html.codec}"
        raise UnreadablePageError(msg)
    return encoded_page(spliced(html.text, edits), html.codec)


def _place(html: HtmlPage, files: Sequence[PageLink], before: int) -> int:
    """Return the position of a new link that follows a number of *files*.

    It is on a line of its own unless the line has more markup, as in a table.
    """
    if not files:
        return html.end
    if not before:
        return files[0].start
    end = files[before - 1].end
    line_end = _LINE_END.match(html.text, end) or _BREAK.match(html.text, end)
    return line_end.end() if line_end else end


def _replaced_links(html: HtmlPage, links: PageLinks) -> Iterator[Edit]:
    """Return the edits of upstream's links that would not lead where upstream has the files."""
    for one in _links_of(html):
        link = links.replacement(one.value, html.base or "")
        if link is not None:
            yield Edit(one.start, one.end, _quoted(html.text, one, link))


def _links_of(html: HtmlPage) -> Iterator[Attribute]:
    for one in html.links:
        if has_version(one.filename):
            yield one.attributes["href"]
        provenance = one.get("data-provenance")
        if provenance and not _SCHEME.match(provenance):
            yield one.attributes["data-provenance"]


def _quoted(text: str, attribute: Attribute, value: str) -> str:
    """Return *value* escaped for the attribute, with quotes if the attribute has none."""
    is_quoted = text[attribute.start - 1] in "\"'"
    return escape(value) if is_quoted else f'"{escape(value)}"'
