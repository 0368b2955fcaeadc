"""Invalid requests: refused, not passed on, and not repeated in answers or logs."""

import logging
from urllib.parse import urlsplit

import pytest

from tests.support.clients.wire import a_request, body_in, exchange, status_of
from tests.support.servers.service import RunningService

SECRET = "stgv_ThisIsNoTokenButLooksAsIfItCouldBeOne0"
# Below a stage; `{prefix}` is its path.
HOSTILE = {
    "absolute form": "http://example.org/simple/",
    "absolute form of a stage": "http://example.org{prefix}simple/other/",
    "authority form": "example.org:80",
    "asterisk": "*",
    "two slashes first": "//example.org/simple/",
    "two slashes": "{prefix}/simple/other/",
    "backslash": "{prefix}simple\\other/",
    "escaped slash": "{prefix}simple%2Fother/",
    "NUL": "{prefix}simple/other%00/",
    "line break and header": "{prefix}simple/%0d%0aX-Evil:%201/",
    "dot segments": "{prefix}simple/../../other/",
    "escaped dots": "{prefix}%2e%2e/simple/other/",
    "dot segments out of the stage": "{prefix}../../../health/live",
    "broken escape": "{prefix}simple/%zz/",
    "fragment": "{prefix}simple/other/#x",
    "long path": "{prefix}simple/" + "a" * 2048,
    "long query": "{prefix}simple/other/?" + "a" * 2049,
    "no path": "?{prefix}",
    "empty stage": "/tmp//",
    "no project": "/tmp//{token}/simple/other/",
}
NOT_ASCII = {
    "letters beyond ASCII": "simple/d\u00e9mo/".encode(),
    "bytes that are no UTF-8": b"simple/\xff\xfe/",
    "tab": b"simple/\tother/",
    "NUL itself": b"simple/\x00other/",
}


@pytest.mark.parametrize("target", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_target(service: RunningService, prefix: str, target: str) -> None:
    """A target that two servers could read in two ways is refused."""
    path = urlsplit(prefix).path
    filled = target.format(prefix=path, token=path.split("/")[3])

    answer = await exchange(service.url, a_request(filled))

    assert 400 <= status_of(answer) < 500
    assert service.index.requests == []


@pytest.mark.parametrize("rest", NOT_ASCII.values(), ids=NOT_ASCII)
async def test_other_characters(service: RunningService, prefix: str, rest: bytes) -> None:
    """A target must be printable ASCII."""
    target = urlsplit(prefix).path.encode() + rest

    answer = await exchange(service.url, a_request(target))

    assert 400 <= status_of(answer) < 500
    assert service.index.requests == []


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *(("dot segments", method) for method in ("POST", "PUT", "HEAD", "OPTIONS", "X-OWN")),
        *((name, "POST") for name in ("absolute form", "escaped slash", "backslash")),
    ],
)
async def test_hostile_target_of_other_methods(
    service: RunningService, prefix: str, name: str, method: str
) -> None:
    """The method makes no difference."""
    target = HOSTILE[name].format(prefix=urlsplit(prefix).path)

    answer = await exchange(service.url, a_request(target, method))

    assert status_of(answer) == 400
    assert service.index.requests == []


ODD_BUT_FINE = ["%252e%252e/", "[::1]/", "@example.org/", "a;b/", "~x/", "a%3Fb", "a%23b", "x?a=//"]


@pytest.mark.parametrize("path", ODD_BUT_FINE)
async def test_goes_to_upstream_as_spelled(service: RunningService, prefix: str, path: str) -> None:
    """A valid target is sent to upstream as spelled, and to no other host."""
    answer = await exchange(service.url, a_request(urlsplit(prefix).path + path))

    assert status_of(answer) == 404
    assert [request.path for request in service.index.requests] == [f"/{path}"]


LINES = {
    "no version": f"GET /tmp/demo/{SECRET}/\r\n\r\n",
    "version of the future": f"GET /tmp/demo/{SECRET}/ HTTP/9.9\r\nHost: x\r\n\r\n",
    "version two": f"GET /tmp/demo/{SECRET}/ HTTP/2.0\r\nHost: x\r\n\r\n",
    "no HTTP": f"GET /tmp/demo/{SECRET}/ FTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the path": f"GET /tmp/demo/{SECRET}/ x HTTP/1.1\r\nHost: x\r\n\r\n",
    "no method": f"/tmp/demo/{SECRET}/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "an invalid method": f"{SECRET}@ /tmp/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a colon": f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization {SECRET}\r\n\r\n",
    "a header with a space": f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : {SECRET}\r\n\r\n",
    "a folded header": f"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n {SECRET}\r\n\r\n",
    "a header too long": f"GET / HTTP/1.1\r\nHost: x\r\nX: {SECRET * 1000}\r\n\r\n",
    "a line too long": f"GET /{SECRET * 1000} HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": f"GET /tmp/demo/{SECRET}/ HTTP/1.1\r\n\r\n",
    "two hosts": f"GET /tmp/demo/{SECRET}/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "two lengths": (
        f"POST /tmp/demo/{SECRET}/ HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    ),
    "a length and chunks": (
        f"POST /tmp/demo/{SECRET}/ HTTP/1.1\r\nHost: x\r\n"
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "an invalid length": (
        f"POST /tmp/demo/{SECRET}/ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"
    ),
    "TLS": "\x16\x03\x01\x02\r\n\r\n" + SECRET + "\r\n\r\n",
}


@pytest.mark.parametrize("request_text", LINES.values(), ids=LINES)
async def test_broken_request_is_not_echoed(
    service: RunningService, caplog: pytest.LogCaptureFixture, request_text: str
) -> None:
    """Neither the answer nor the log quotes a request that cannot be parsed."""
    caplog.set_level(logging.DEBUG)

    answer = await exchange(service.url, request_text.encode("latin-1"))

    assert status_of(answer) == 400
    assert SECRET not in answer.decode() + caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "framing",
    [("Content-Length: 3", b"abc"), ("Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")],
    ids=["length", "chunked"],
)
async def test_reading_has_no_body(
    service: RunningService, prefix: str, method: str, framing: tuple[str, bytes]
) -> None:
    """A GET with a body is refused: the next server could take it for a request."""
    header, body = framing
    target = f"{urlsplit(prefix).path}simple/other/"

    answer = await exchange(service.url, a_request(target, method, "1.1", header) + body)

    assert status_of(answer) == 400
    assert service.index.requests == []


async def test_old_version_has_no_chunks(service: RunningService, prefix: str) -> None:
    """Transfer-Encoding in HTTP/1.0 is refused."""
    request = a_request(urlsplit(prefix).path, "POST", "1.0", "Transfer-Encoding: chunked")

    answer = await exchange(service.url, request + b"0\r\n\r\n")

    assert status_of(answer) == 400


async def test_old_version_is_spoken(service: RunningService, prefix: str) -> None:
    """Pages are served over HTTP/1.0, edited or not."""
    path = urlsplit(prefix).path

    edited = await exchange(service.url, a_request(f"{path}simple/demo/", "GET", "1.0"))
    other = await exchange(service.url, a_request(f"{path}simple/other/", "GET", "1.0"))

    assert (status_of(edited), status_of(other)) == (200, 200)
    assert b"demo-2.0" in body_in(edited)


async def test_second_request_of_a_connection(service: RunningService, prefix: str) -> None:
    """The body of a refused request is not read as another request."""
    target = f"{urlsplit(prefix).path}simple/other/"
    hidden = a_request(target)
    first = a_request(target, "GET", "1.1", f"Content-Length: {len(hidden)}")

    await exchange(service.url, first + hidden)

    assert service.index.requests == []
