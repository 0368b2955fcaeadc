"""Pages are read as pip reads them, and so are the pages that staged files are added to."""

import re

import pytest

from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.simple import add_to_page, read_page
from tests.support.builders.stages import LINKS, PAGE, a_staged_file
from tests.support.clients.page_readers import found_by_pip
from tests.support.index.installer_pages import (
    PAGES,
    STAGED,
    InstallerPage,
    filename,
)

_HREF = re.compile(r"href\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


@every_page
def test_files_that_are_found(page: InstallerPage) -> None:
    """The files on a page are those that pip and uv find there, whatever else is on it."""
    listing = read_page(as_document(page), "demo")

    assert sorted(listing.files) == sorted(map(filename, page.found))


@every_page
def test_files_that_pip_finds(page: InstallerPage) -> None:
    """The table is right: pip finds these files on the page itself."""
    assert found_by_pip(as_document(page)) == page.found_by("pip")


@every_page
def test_files_on_the_merged_page(page: InstallerPage) -> None:
    """A staged file is added where pip reads it, and pip still finds upstream's files."""
    edited = merged(page)

    assert sorted(read_page(edited, "demo").files) == sorted(map(filename, [*page.found, STAGED]))
    assert found_by_pip(edited) == page.found_when_merged("pip")


@every_page
def test_page_is_edited_in_its_encoding(page: InstallerPage) -> None:
    """Nothing but addresses of links changes when a file is added, in any encoding."""
    before, after = (
        _HREF.sub("", one.decode(page.encoding)) for one in (page.body, merged(page).body)
    )

    rest = iter(after)
    assert all(character in rest for character in before)


def as_document(page: InstallerPage) -> Document:
    """Return a page as upstream answers it."""
    return Document(page.body, digest_of(page.body), page.content_type, PAGE)


def merged(page: InstallerPage) -> Document:
    """Return a page with a staged file on it."""
    document = as_document(page)
    staged = [a_staged_file(filename(STAGED))]
    return document.with_body(add_to_page(document, "demo", staged, LINKS))
