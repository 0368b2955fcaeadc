"""pip and uv find the files that we find on pages, as they are and with a staged file added."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from stageproxy.core.index.pages import Document, digest_of
from stageproxy.core.index.simple import add_to_page, read_page
from tests.support.builders.distributions import a_wheel
from tests.support.builders.stages import LINKS, PAGE, a_staged_file
from tests.support.clients.clients import Clients
from tests.support.clients.http import send
from tests.support.clients.page_readers import found_by_pip, found_by_uv
from tests.support.clients.tools import Tools
from tests.support.index.fake_index import FakeIndex
from tests.support.index.installer_pages import PAGES, STAGED, filename
from tests.support.servers.other_indexes import OtherIndexes
from tests.support.servers.page_servers import PAGE_SERVERS, PageServers

pytestmark = pytest.mark.journey

DISTRIBUTIONS = [a_wheel("demo", "1.0"), a_wheel("demo", "2.0")]


async def test_files_that_uv_finds(clients_with_system_pip: Clients) -> None:
    """The table of pages is right: uv finds these files on the pages themselves."""
    found = await found_by_uv(clients_with_system_pip, documents())

    assert found == {name: page.found_by("uv") for name, page in PAGES.items()}


async def test_files_that_uv_finds_on_merged_pages(clients_with_system_pip: Clients) -> None:
    """A staged file is added to any page where uv reads it, and uv still finds upstream's files."""
    pages = {name: merged(page) for name, page in documents().items()}

    found = await found_by_uv(clients_with_system_pip, pages)

    assert found == {name: page.found_when_merged("uv") for name, page in PAGES.items()}


@pytest.mark.parametrize("name", PAGE_SERVERS)
async def test_page_of_a_server(
    clients_with_system_pip: Clients, tools: Tools, upstream: FakeIndex, tmp_path: Path, name: str
) -> None:
    """On the page of a real server we find the files that pip and uv find, and add one to them."""
    upstream.add("demo", a_wheel("demo", "2.0"))
    servers = PageServers(tools, tmp_path, f"{upstream.url}/simple/")

    async with servers.start(name, DISTRIBUTIONS) as index_url:
        page = await html_page(index_url)

    await assert_read_alike(clients_with_system_pip, page)


@pytest.mark.parametrize("name", ["pypiserver", "devpi-server"])
async def test_page_of_an_index(
    clients_with_system_pip: Clients, tools: Tools, tmp_path: Path, name: str
) -> None:
    """On the page of a real index we find the files that pip and uv find, and add one to them."""
    async with OtherIndexes(tools, tmp_path).start(name) as index:
        for one in DISTRIBUTIONS:
            await index.upload(one)
        page = await html_page(index.index_url)

    await assert_read_alike(clients_with_system_pip, page)


async def assert_read_alike(clients: Clients, page: Document) -> None:
    """Fail unless a page lists both files for all readers, and a third one after the merge."""
    pages = {"direct": page, "merged": merged(page)}

    by_uv = await found_by_uv(clients, pages)

    by_pip = {name: found_by_pip(one) for name, one in pages.items()}
    assert by_uv == by_pip == {"direct": {1, 2}, "merged": {1, 2, STAGED}}
    assert set(read_page(page, "demo").files) == {one.filename for one in DISTRIBUTIONS}


async def html_page(index_url: str) -> Document:
    """Return the page of `demo` as a server makes it for clients that know no JSON."""
    url = f"{index_url}demo/"
    async with ClientSession() as session:
        answer = await send(session, "GET", url, {"Accept": "text/html"})
    assert answer.status == 200, answer
    return Document(answer.body, digest_of(answer.body), answer.headers["Content-Type"], url)


def documents() -> Mapping[str, Document]:
    """Return the pages of the table as upstream answers them."""
    return {
        name: Document(page.body, digest_of(page.body), page.content_type, PAGE)
        for name, page in PAGES.items()
    }


def merged(page: Document) -> Document:
    """Return a page with a staged file on it."""
    staged = [a_staged_file(filename(STAGED))]
    links = replace(LINKS, url=page.url)
    return page.with_body(add_to_page(page, "demo", staged, links))
