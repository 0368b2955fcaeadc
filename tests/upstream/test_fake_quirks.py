"""The quirks of the fake index."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientError

from tests.support.builders.distributions import a_wheel, an_sdist
from tests.support.clients.http import fetch
from tests.support.index.fake_index import FakeIndex, Quirks

HOST = "https://example.org"
ASK_FOR_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
QUIRKS_OF_THE_BODY = {
    "an error": (Quirks(status=503), "503 Service Unavailable"),
    "nonsense": (Quirks(garbage=True), "neither HTML nor JSON"),
    "another project": (Quirks(wrong_project=True), '"name":"another-project"'),
    "half of it": (Quirks(close_delimited=True), '{"files":[{"core-metadata"'),
    "relative links": (Quirks(relative_urls=True), '"url":"../../packages/'),
    "links without a host": (Quirks(host_absolute_urls=True), '"url":"/packages/'),
    "HTML where JSON was asked for": (Quirks(html_only=True), "<!DOCTYPE html>"),
}


@pytest.fixture
async def index() -> AsyncIterator[FakeIndex]:
    """Return a running index with one project."""
    async with FakeIndex.running() as index:
        index.add("stage-demo", a_wheel("stage-demo"), an_sdist("stage-demo"))
        yield index


@pytest.mark.parametrize(
    ("quirks", "text"),
    QUIRKS_OF_THE_BODY.values(),
    ids=[f"answers {name}" for name in QUIRKS_OF_THE_BODY],
)
async def test_quirks_of_the_body(index: FakeIndex, quirks: Quirks, text: str) -> None:
    """Each quirk changes the body that a client reads."""
    index.quirks = quirks

    answer = await fetch(index, "/simple/stage-demo/", ASK_FOR_JSON)

    assert text in answer.text


async def test_quirks_of_the_headers(index: FakeIndex) -> None:
    """Headers can be removed, changed and added."""
    index.quirks = Quirks(
        no_etag=True, content_type="text/plain", extra_headers={"Set-Cookie": "a=b"}
    )

    answer = await fetch(index, "/simple/stage-demo/", ASK_FOR_JSON)

    assert "ETag" not in answer.headers
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Set-Cookie"] == "a=b"


async def test_close_delimited_has_no_length(index: FakeIndex) -> None:
    """A page that ends with its connection has no length."""
    whole = await fetch(index, "/simple/stage-demo/")
    index.quirks = Quirks(close_delimited=True)

    answer = await fetch(index, "/simple/stage-demo/")

    assert answer.body == whole.body[: len(whole.body) // 2]
    assert not {"Content-Length", "Transfer-Encoding"} & set(answer.headers)


async def test_truncated_page_fails(index: FakeIndex) -> None:
    """A client recognizes a truncated page by its length."""
    index.quirks = Quirks(truncate=True)

    with pytest.raises(ClientError):
        await fetch(index, "/simple/stage-demo/")


async def test_redirect_to_another_host(index: FakeIndex) -> None:
    """A page can redirect to another host."""
    index.quirks = Quirks(redirect_to=f"{HOST}/simple/stage-demo/")

    answer = await fetch(index, "/simple/stage-demo/")

    assert (answer.status, answer.headers["Location"]) == (302, f"{HOST}/simple/stage-demo/")


async def test_without_core_metadata(index: FakeIndex) -> None:
    """An index without `.metadata` neither lists nor serves it."""
    index.quirks = Quirks(no_core_metadata=True)

    page = (await fetch(index, "/simple/stage-demo/", ASK_FOR_JSON)).document
    path = page["files"][0]["url"].removeprefix(index.url)

    assert "core-metadata" not in page["files"][0]
    assert (await fetch(index, f"{path}.metadata")).status == 404


async def test_delay_ends_with_the_client(index: FakeIndex) -> None:
    """A client that disconnects gets no delayed answer, and the index can be stopped."""
    index.quirks = Quirks(delay=60)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await fetch(index, "/simple/stage-demo/")
