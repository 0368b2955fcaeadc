"""Pages of other projects: which may be kept, and which stay as they are."""

import gzip

import pytest

from stageproxy.core.index.links import UrlSpace
from stageproxy.core.index.negotiation import SimpleType
from stageproxy.core.index.other_pages import (
    has_to_be_asked_for,
    is_page,
    judged,
    may_be_kept,
    plain_body,
)
from stageproxy.core.index.pages import Document, digest_of

JSON = SimpleType.V1_JSON.value
SPACE = UrlSpace("https://index.example/", "https://index.example/simple/")
STAYING = b'{"files":[{"url":"https://files.example/a-1.0.tar.gz"}]}'
LEAVING = b'{"files":[{"url":"/a-1.0.tar.gz"}]}'


def sent(body: bytes, encoding: str = "") -> Document:
    """Return a page as it was sent."""
    url = "https://index.example/simple/a/"
    return Document(body, digest_of(body), JSON, url, {"Content-Encoding": encoding})


@pytest.mark.parametrize(
    ("status", "content_type", "encoding", "expected"),
    [
        pytest.param(200, JSON, "", True, id="a page"),
        pytest.param(200, "text/html; charset=utf-8", "GZip", True, id="a compressed page"),
        pytest.param(200, JSON, "br", False, id="in an encoding that nobody asked for"),
        pytest.param(200, "application/octet-stream", "", False, id="a file"),
        pytest.param(206, JSON, "", False, id="a part"),
        pytest.param(304, JSON, "", False, id="a page that the client has"),
        pytest.param(404, "text/html", "", False, id="no page"),
    ],
)
def test_is_page(status: int, content_type: str, encoding: str, *, expected: bool) -> None:
    """Only whole pages whose links can be read are held back; everything else is streamed."""
    headers = {"Content-Type": content_type, "Content-Encoding": encoding}

    assert is_page(status, headers) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Cache-Control", "max-age=600, public", (True, False)),
        ("Cache-Control", "public, No-Store", (False, False)),
        ("Cache-Control", "no-cache", (True, True)),
        ("Cache-Control", "private, max-age = 0", (True, True)),
        ("Vary", "Accept-Encoding, Accept", (True, False)),
        ("Vary", "Accept, User-Agent", (False, False)),
        ("Vary", "*", (False, False)),
        ("Content-Type", JSON, (True, False)),
    ],
)
def test_what_upstream_says(name: str, value: str, expected: tuple[bool, bool]) -> None:
    """Upstream's headers say whether a page may be kept, and whether it is asked each time."""
    headers = {name: value}

    assert (may_be_kept(headers), has_to_be_asked_for(headers)) == expected


@pytest.mark.parametrize(
    ("page", "plain", "stays"),
    [
        pytest.param(sent(STAYING), STAYING, True, id="plain"),
        pytest.param(sent(LEAVING), LEAVING, False, id="with a link that leaves"),
        pytest.param(sent(gzip.compress(STAYING), "gzip"), STAYING, True, id="compressed"),
        pytest.param(sent(gzip.compress(LEAVING), "gzip"), LEAVING, False, id="compressed, leaves"),
        pytest.param(sent(LEAVING, "gzip"), None, True, id="not as it says"),
        pytest.param(sent(gzip.compress(LEAVING)[:-9], "gzip"), None, True, id="truncated"),
        pytest.param(sent(gzip.compress(bytes(2000)), "gzip"), None, True, id="too long"),
    ],
)
def test_links(page: Document, plain: bytes | None, *, stays: bool) -> None:
    """A page stays as it is unless it can be read and may have a link that leaves a stage."""
    body = plain_body(page, 1000)

    assert (body, judged(page, body, SPACE).stays) == (plain, stays)
