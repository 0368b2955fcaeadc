"""The links of listed files, as they are stored and followed."""

import pytest

from stageproxy.core.index.pages import ListedFile
from stageproxy.services.promotion.confirmed_listing import index_file

PAGE = "https://index.example/simple/demo/"
LINKS = {
    "a relative link": ("../../files/demo.whl", "https://index.example/files/demo.whl"),
    "a URL with a query": (
        "https://files.example/demo.whl?signed=1#sha256=0",
        "https://files.example/demo.whl?signed=1",
    ),
    "a script": ("javascript:alert(1)", ""),
    "data": ("data:text/html,demo.whl", ""),
    "a file": ("file:///etc/passwd", ""),
    "a mailbox": ("mailto:nobody@index.example", ""),
    "an invalid host": ("//[::1/demo.whl", ""),
    "a control character": ("/demo\x01.whl", ""),
    "half a character": ("/demo\ud800.whl", ""),
    "a space": ("/demo 1.whl", ""),
}


@pytest.mark.parametrize(("link", "url"), LINKS.values(), ids=LINKS)
def test_url(link: str, url: str) -> None:
    """A link is an absolute URL of a web server, or left out."""
    listed = ListedFile("demo.whl", "0" * 64, requires_python=None, yanked=None, link=link)

    assert index_file(PAGE, listed).url == url
