"""Pages of the simple API in any media type."""

from collections.abc import Sequence

from stageproxy.core.index.links import PageLinks
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.pages import (
    PAGE_TYPES,
    Document,
    Listing,
    StagedFile,
    UnreadablePageError,
    judged_by_content,
)
from stageproxy.core.index.simple_html import (
    add_to_html_page,
    new_html_list,
    new_html_page,
    read_html_page,
)
from stageproxy.core.index.simple_json import (
    add_to_json_page,
    new_json_list,
    new_json_page,
    read_json_page,
)


def read_page(page: Document, project: str) -> Listing:
    """Return the files that a page lists. Raise `UnreadablePageError` if it is invalid."""
    page = judged_by_content(page, PAGE_TYPES)
    match page.simple_type:
        case SimpleType.V1_JSON:
            return read_json_page(page.body, project)
        case SimpleType.V1_HTML | SimpleType.HTML:
            return read_html_page(page, project)
        case None:
            msg = f"{page.content_type or 'a document without Content-Type'} instead of a page"
            raise UnreadablePageError(msg)


def add_to_page(
    page: Document, project: str, staged: Sequence[StagedFile], links: PageLinks
) -> bytes:
    """Return the body of the page of *project*, with the *staged* files that it does not list.

    *links* are those of the page. Without *staged* files, only links are replaced.
    """
    if page.simple_type is SimpleType.V1_JSON:
        return add_to_json_page(page.body, project, staged, links)
    return add_to_html_page(page, project, staged, links)


def new_page(kind: SimpleType, project: str, staged: Sequence[StagedFile]) -> bytes:
    """Return the page of a project with only *staged* files."""
    if kind is SimpleType.V1_JSON:
        return new_json_page(project, staged)
    return new_html_page(project, staged)


def new_list(kind: SimpleType, projects: Sequence[str]) -> bytes:
    """Return a list of *projects*, as normalized names."""
    if kind is SimpleType.V1_JSON:
        return new_json_list(projects)
    return new_html_list(projects)
