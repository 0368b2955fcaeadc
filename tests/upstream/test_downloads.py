"""Files of an index that are downloaded to be compared."""

import hashlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamUnavailableError
from stageproxy.upstream.downloads import FileDownloads
from tests.support.index.fake_index import FakeIndex

CONTENT = b"the bytes"
SECRET = "Basic dXNlcjpwYXNz"
"""What `user:pass` is sent as."""


class _Files:
    """An index with a file, and what it was asked with."""

    url = ""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def downloads(self, session: ClientSession) -> FileDownloads:
        """Return what downloads from here, with a credential in the URL of the index."""
        index = URL(f"{self.url}/simple/").with_user("user").with_password("pass")
        return FileDownloads(session, index)

    async def answer(self, request: web.Request) -> web.Response:
        """Return the file, or a redirect to this machine by another name."""
        self.asked.append(request.headers.get("Authorization"))
        if request.path == "/elsewhere":
            raise web.HTTPFound(f"{self.url}/file".replace("127.0.0.1", "localhost"))
        return web.Response(body=CONTENT, status=200 if request.path == "/file" else 404)


@pytest.fixture
async def files() -> AsyncIterator[_Files]:
    """Return an index that has a file."""
    files = _Files()
    app = web.Application()
    app.router.add_get("/{path:.*}", files.answer)
    index = FakeIndex()
    async with index.serving(app):
        files.url = index.url
        yield files


@pytest.fixture
async def downloads(files: _Files) -> AsyncIterator[FileDownloads]:
    """Return what downloads from that index."""
    async with ClientSession() as session:
        yield files.downloads(session)


async def test_hash(files: _Files, downloads: FileDownloads) -> None:
    """The hash is that of the bytes; the credential in the index's URL goes along."""
    found = await downloads.sha256_of(f"{files.url}/file")

    assert (found, files.asked) == (hashlib.sha256(CONTENT).hexdigest(), [SECRET])


async def test_credential_stays_with_the_index(files: _Files, downloads: FileDownloads) -> None:
    """The credential goes nowhere else, wherever the index leads."""
    await downloads.sha256_of(f"{files.url}/elsewhere")

    assert files.asked == [SECRET, None]


async def test_file_that_is_not_there(files: _Files, downloads: FileDownloads) -> None:
    """What is no file has no hash."""
    with pytest.raises(UpstreamFailedError, match="answered 404"):
        await downloads.sha256_of(f"{files.url}/other")


@pytest.mark.parametrize(
    "url", ["https://[::1/demo.whl", "http://h:99999999/", "file:///etc/passwd", "", "data:,x"]
)
async def test_links_that_make_no_sense(downloads: FileDownloads, url: str) -> None:
    """A link of any kind but http is not followed, and no fault of the server."""
    with pytest.raises(UpstreamUnavailableError, match="cannot be downloaded"):
        await downloads.sha256_of(url)
