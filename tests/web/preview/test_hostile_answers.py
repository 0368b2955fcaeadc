"""Headers and links of upstream that cannot be sent on: they break no response and lead nowhere."""

import json
from itertools import repeat

import pytest

from tests.support.builders.distributions import a_wheel
from tests.support.clients.wire import a_request, exchange, status_of
from tests.support.index.fake_index import Quirks
from tests.support.promotion.promotion_client import PromotionClient
from tests.support.servers.service import PIP, RunningService

WHEEL = a_wheel(version="2.0")
ENDPOINTS = {
    "an edited page": ("simple/demo/", PIP),
    "an edited document": ("pypi/demo/json", "application/json"),
    "the list of projects": ("simple/", "text/html"),
    "another page": ("simple/other/", PIP),
    "a file": ("packages/aa/bb/cc/other-1.0.tar.gz", "*/*"),
}
HEADERS = {
    "invalid UTF-8": b"X-PyPI-Last-Serial: \xff\xfe",
    "a control character": b'ETag: "\x01\x7f"',
    "a vertical tab": b"Vary: a\x0bb",
    "a folded line": b"Cache-Control: public,\r\n max-age=1",
    "a line feed in a folded line": b"Expires: x\r\n\ty",
    "a bare carriage return": b"Last-Modified: x\rSet-Cookie: a=b",
    "a type with invalid UTF-8": b"Content-Type: application/vnd.pypi.simple.v1+json; x=\xff",
    "another type with invalid UTF-8": b"Content-Type: image/\xff",
    "an encoding with invalid UTF-8": b"Content-Encoding: \xff",
    "a cookie": b"Set-Cookie: session=1",
}
LOCATIONS = {
    "a script": b"javascript:alert(1)",
    "data": b"data:text/html,hello",
    "a file": b"file:///etc/passwd",
    "invalid UTF-8": b"/simple/\xff/",
    "a control character": b"/simple/\x01/",
    "a space": b"http://elsewhere.example/a b.whl",
    "a folded line": b"/simple/\r\n Set-Cookie: a=b",
    "no port": b"http://h:99999999/",
    "nothing": b"",
}


async def answers(service: RunningService, prefix: str, raw: bytes) -> dict[str, bytes]:
    """Return what a client receives at each endpoint while upstream sends raw bytes."""
    found = {}
    for name, (path, accept) in ENDPOINTS.items():
        service.index.quirks = Quirks(raw={f"/{path}": repeat(raw)})
        target = prefix.removeprefix(service.url) + path
        request = a_request(target, "GET", "1.1", f"Accept: {accept}")
        found[name] = await exchange(service.url, request)
    return found


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_headers(service: RunningService, prefix: str, header: bytes) -> None:
    """A header that cannot be sent on is left out, or the answer is a gateway error."""
    body = b'{"meta":{},"name":"demo","files":[]}'
    own_type = b"" if header.startswith(b"Content-Type") else b"Content-Type: application/json\r\n"
    head = b"HTTP/1.1 200 OK\r\n%s%s\r\nContent-Length: %d\r\n\r\n"

    found = await answers(service, prefix, head % (own_type, header, len(body)) + body)

    assert {status_of(one) for one in found.values()} <= {200, 502, 503}
    for one in found.values():
        sent = one.partition(b"\r\n\r\n")[0]
        assert b"Set-Cookie" not in sent
        assert not set(sent.replace(b"\r\n", b"").replace(b"\t", b"")) & {
            *range(32),
            *range(127, 256),
        }


@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS)
async def test_redirects(service: RunningService, prefix: str, location: bytes) -> None:
    """A redirect to something that is no URL of a web server is a gateway error."""
    raw = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location

    found = await answers(service, prefix, raw)

    assert {status_of(one) for one in found.values()} <= {502, 503}


@pytest.mark.parametrize("status", [101, 199, 600, 999])
async def test_statuses(service: RunningService, prefix: str, status: int) -> None:
    """A status that no response ends with is a gateway error."""
    raw = b"HTTP/1.1 %d What\r\nContent-Length: 0\r\n\r\n" % status

    found = await answers(service, prefix, raw)

    assert {status_of(one) for one in found.values()} <= {502, 503, 504}


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)//{}",
        "data:text/html,{}",
        "mailto:x/{}",
        "http://h/\r\nX: y/{}",
        "//[::1/{}",
    ],
)
async def test_links_to_published_files(
    service: RunningService, promotion_client: PromotionClient, link: str
) -> None:
    """A link of the index that is no URL of a web server never becomes a redirect."""
    service.index.add("demo", a_wheel(version="1.0"))
    stage = await service.staged(WHEEL)
    service.index.quirks = Quirks(rewritten=lambda body: _relinked(body, link))
    assert (await promotion_client.publish(stage))["status"] == "published"

    answer = await service.get(stage["files"][WHEEL.filename]["link"])

    assert answer.status in {200, 404}
    assert "Location" not in answer.headers


def _relinked(body: bytes, link: str) -> bytes:
    """Return a JSON page on which the link of the wheel is another one."""
    if not body.startswith(b"{"):
        return body
    page = json.loads(body)
    for file in page["files"]:
        if file["filename"] == WHEEL.filename:
            file["url"] = link.format(WHEEL.filename)
    return json.dumps(page).encode()
