"""Files of an index that are downloaded to compare them."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from stageproxy.core.errors import UpstreamFailedError, UpstreamSlowError, UpstreamUnavailableError
from stageproxy.upstream.downloads import FetchedFiles, FileDownloads, _is_of_the_internet
from stageproxy.upstream.responses import StreamLimits
from stageproxy.upstream.traffic import Traffic
from tests.support.index.fake_index import FakeIndex

CONTENT = b"the bytes"
SIZE = len(CONTENT)
FILE = "demo-1.0.tar.gz"
SECRET = "Basic dXNlcjpwYXNz"
"""The value of the header for `user:pass`."""


class _Files:
    """An index with one file, and the headers of its requests."""

    url = ""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def downloads(self, session: ClientSession, **settings: Any) -> FileDownloads:
        """Return a downloader for this index, with a credential in the URL of the index."""
        index = URL(f"{self.url}/simple/").with_user("user").with_password("pass")
        return FileDownloads(session, index, **settings)

    async def answer(self, request: web.Request) -> web.Response:
        """Return the file, or a redirect to another name of this machine."""
        self.asked.append(request.headers.get("Authorization"))
        if request.path.startswith("/elsewhere/"):
            raise web.HTTPFound(f"{elsewhere(self)}/file")
        if request.path == "/again":
            raise web.HTTPFound("/again")
        return web.Response(body=CONTENT, status=200 if request.path == "/file" else 404)


def elsewhere(files: _Files) -> str:
    """Return the URL of the index by another name of this machine."""
    return files.url.replace("127.0.0.1", "localhost")


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
    """Return a downloader for that index."""
    async with ClientSession() as session:
        yield files.downloads(session)


async def test_hash(files: _Files, downloads: FileDownloads) -> None:
    """The hash is that of the bytes; the credential of the index is sent."""
    found = await downloads.sha256_of(f"{files.url}/file", size=SIZE)

    assert (found, files.asked) == (hashlib.sha256(CONTENT).hexdigest(), [SECRET])


async def test_credential_is_sent_to_the_index_only(files: _Files) -> None:
    """The credential is not sent to the configured host of files."""
    async with ClientSession() as session:
        downloads = files.downloads(session, files_url=elsewhere(files))
        await downloads.sha256_of(f"{files.url}/elsewhere/{FILE}", size=SIZE)

    assert files.asked == [SECRET, None]


@pytest.mark.parametrize("path", ["/elsewhere/", f"/elsewhere/{FILE}"])
async def test_redirect_to_another_host(files: _Files, downloads: FileDownloads, path: str) -> None:
    """A redirect to a host that is not configured is not followed, not even for a file."""
    with pytest.raises(UpstreamFailedError, match="on localhost port"):
        await downloads.sha256_of(f"{files.url}{path}", size=SIZE)

    assert files.asked == [SECRET]


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://127.0.0.1:1"]
)
async def test_link_to_another_host(files: _Files, downloads: FileDownloads, origin: str) -> None:
    """Links of the index to other ports and hosts are not followed: nothing is requested there."""
    with pytest.raises(UpstreamFailedError, match=r"not one of its\b.*upstream.files_url"):
        await downloads.sha256_of(f"{origin}/{FILE}", size=SIZE)

    assert files.asked == []


async def test_file_that_takes_too_long(files: _Files) -> None:
    """A file is given up after the time that a whole file may take."""
    async with ClientSession() as session:
        downloads = files.downloads(session, limits=StreamLimits(total_timeout=timedelta(0)))
        with pytest.raises(UpstreamSlowError, match="takes longer than 0s"):
            await downloads.sha256_of(f"{files.url}/file", size=SIZE)


async def test_redirects_end(files: _Files, downloads: FileDownloads) -> None:
    """Only a few redirects are followed."""
    with pytest.raises(UpstreamFailedError, match="too often"):
        await downloads.sha256_of(f"{files.url}/again", size=SIZE)


async def test_larger_file(files: _Files, downloads: FileDownloads) -> None:
    """A file with more bytes than the staged one is another one, and is not read to its end."""
    found = await downloads.sha256_of(f"{files.url}/file", size=SIZE - 1)

    assert found == f"of a file with more than {SIZE - 1} bytes"


async def test_missing_file(files: _Files, downloads: FileDownloads) -> None:
    """A missing file has no hash."""
    with pytest.raises(UpstreamFailedError, match="answered 404"):
        await downloads.sha256_of(f"{files.url}/other", size=SIZE)


@pytest.mark.parametrize(
    "url", ["https://[::1/demo.whl", "http://h:99999999/", "file:///etc/passwd", "", "data:,x"]
)
async def test_other_links_are_refused(downloads: FileDownloads, url: str) -> None:
    """A link that is not http or https is an error of the index."""
    with pytest.raises(UpstreamUnavailableError, match="cannot be downloaded"):
        await downloads.sha256_of(url, size=SIZE)


@pytest.mark.parametrize(
    ("url", "permitted"),
    [
        ("https://files.example/demo.whl", True),
        ("http://files.example/demo.whl", False),
        ("https://files.example:8443/demo.whl", False),
        ("https://localhost/demo.whl", False),
        ("https://metadata/demo.whl", False),
        ("https://169.254.169.254/latest", False),
        ("https://[::1]/demo.whl", False),
        ("ftp://files.example/demo.whl", False),
    ],
)
def test_hosts_of_the_internet(url: str, *, permitted: bool) -> None:
    """With any file host, only what looks like a host of the internet is asked."""
    assert _is_of_the_internet(URL(url, encoded=True)) == permitted


async def test_fetched_to_the_disk(files: _Files, tmp_path: Path) -> None:
    """A file is written with its digest; one that is too long is an error."""
    async with ClientSession() as session:
        fetched = FetchedFiles(files.downloads(session), Traffic())
        sha256 = await fetched.fetch(f"{files.url}/file", tmp_path / "file", size=SIZE)
        with pytest.raises(UpstreamFailedError, match="more than 3 bytes"):
            await fetched.fetch(f"{files.url}/file", tmp_path / "long", size=3)
        with pytest.raises(UpstreamFailedError, match="404"):
            await fetched.fetch(f"{files.url}/missing", tmp_path / "missing", size=SIZE)

        assert await fetched.read(f"{files.url}/file", size=5) == CONTENT[:5]
    assert sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "file").read_bytes() == CONTENT
