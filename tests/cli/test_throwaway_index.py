"""The index that the demo publishes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from stageproxy.cli.demo.throwaway_index import make_app
from stageproxy.core.index.pages import Listing, own_document
from stageproxy.core.index.simple import read_page
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.builders.forms import FORM, body_of, twine_form
from tests.support.clients.http import Answer, send
from tests.support.servers.service import basic

TOKEN = "token-for-once"
WHEEL, SDIST = a_wheel("demo-plus"), an_sdist("demo-plus")


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """Run an index, and return its URL."""
    async with TestServer(make_app(tmp_path, TOKEN)) as server:
        yield str(server.make_url("/"))


async def get(url: str) -> Answer:
    """Return the response at a URL."""
    async with ClientSession() as session:
        return await send(session, "GET", url)


async def upload(
    url: str, distribution: Distribution, *, token: str = TOKEN, **changes: str
) -> Answer:
    """Upload a file as twine does, with *changes* of the form."""
    headers = {"Authorization": basic(token), "Content-Type": FORM}
    data = body_of(twine_form(distribution, **changes))
    async with ClientSession() as session:
        return await send(session, "POST", f"{url}legacy/", headers, data=data)


async def listing(url: str) -> Listing:
    """Return the project page."""
    page = await get(f"{url}simple/demo-plus/")
    return read_page(own_document(page.body, page.headers["Content-Type"]), "demo-plus")


async def test_release(url: str) -> None:
    """An uploaded file is listed with its hash, and can be downloaded."""
    answers = [await upload(url, one) for one in (WHEEL, SDIST)]

    files = (await listing(url)).files
    assert [one.status for one in answers] == [200, 200]
    assert {name: one.sha256 for name, one in files.items()} == {
        WHEEL.filename: WHEEL.sha256,
        SDIST.filename: SDIST.sha256,
    }
    assert (await get(f"{url}files/{WHEEL.filename}")).body == WHEEL.content
    assert (await get(f"{url}simple/")).document["projects"] == [{"name": "demo-plus"}]


async def test_same_name_again(url: str) -> None:
    """An existing file cannot be replaced."""
    await upload(url, WHEEL)

    answer = await upload(url, a_wheel("demo-plus", summary="Another"))

    assert (answer.status, answer.reason) == (400, "File already exists.")
    assert (await listing(url)).files[WHEEL.filename].sha256 == WHEEL.sha256


async def test_wrong_token(url: str) -> None:
    """An upload with another token is refused."""
    answer = await upload(url, WHEEL, token="another")

    assert (answer.status, (await get(f"{url}simple/demo-plus/")).status) == (403, 404)


async def test_broken_bytes(url: str) -> None:
    """A file with another hash than in the form is refused and not stored."""
    answer = await upload(url, WHEEL, sha256_digest="0" * 64)

    assert (answer.status, (await get(f"{url}simple/")).document["projects"]) == (400, [])
