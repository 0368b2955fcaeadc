"""Requests as bytes, and what a server has to answer to them: a table that is written by hand.

Each is sent on a connection of its own, mostly followed by a second request, which must never be
mixed with the first. `SMUGGLED` is part of a body or of a header: if it is ever answered or logged,
the server has read a request where there is none.

A malformed request ends its connection, and so does a request for an upgrade. If what is malformed
arrives together with a complete request before it, neither is answered but by one 400.
"""

from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = b"@token@"
"""Where the API token of the server is filled in."""

BODY = b'{"name": "demo", "version": "9.9"}'
"""A body that is answered with 409: there is such a stage already."""
SIZE = len(BODY)
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEXT = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

READ, LIVE, BAD, MISSING, METHOD = 409, 200, 400, 404, 405


@dataclass(frozen=True, slots=True)
class RawRequest:
    """The bytes of a connection, and the statuses of all answers to them."""

    name: str
    data: bytes
    statuses: tuple[int, ...]


def post(*lines: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """Return a request with a body, which the server reads."""
    head = [
        b"POST /api/stages " + version,
        b"Host: localhost",
        b"Authorization: Bearer " + TOKEN,
        *lines,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def get(*lines: bytes, target: bytes = b"/health/live", version: bytes = b"HTTP/1.1") -> bytes:
    """Return a request without a body. A *version* may be empty: HTTP/0.9."""
    first = b"GET " + target + (b" " + version if version else b"")
    return b"\r\n".join([first, b"Host: localhost", *lines]) + b"\r\n\r\n"


def chunked(*lines: bytes, chunks: bytes) -> bytes:
    """Return a request with a body in chunks."""
    return post(b"Transfer-Encoding: chunked", *lines, body=chunks)


CHUNK = b"%x\r\n%b\r\n" % (SIZE, BODY)
LENGTH = b"Content-Length: %d" % SIZE


def raw_requests() -> Iterator[RawRequest]:
    """Return all requests of the table."""
    for group in (LENGTHS, ENCODINGS, CHUNKS, LINES, HEADERS, HOSTS, VERSIONS, TARGETS, PIPELINES):
        for name, (data, statuses) in group.items():
            yield RawRequest(name, data, statuses)


Table = dict[str, tuple[bytes, tuple[int, ...]]]

LENGTHS: Table = {
    "a length": (post(LENGTH, body=BODY) + NEXT, (READ, LIVE)),
    "length and chunks": (
        post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunks and length": (
        post(b"Transfer-Encoding: chunked", LENGTH, body=b"0\r\n\r\n" + SMUGGLED) + NEXT,
        (BAD,),
    ),
    "two lengths": (post(LENGTH, b"Content-Length: 0", body=SMUGGLED) + NEXT, (BAD,)),
    "two equal lengths": (post(LENGTH, LENGTH, body=BODY) + NEXT, (BAD,)),
    "lengths in a list": (post(b"Content-Length: 34, 34", body=BODY) + NEXT, (BAD,)),
    "other lengths in a list": (post(b"Content-Length: 0, 34", body=BODY) + NEXT, (BAD,)),
    "a signed length": (post(b"Content-Length: +34", body=BODY) + NEXT, (BAD,)),
    "a negative length": (post(b"Content-Length: -34", body=BODY) + NEXT, (BAD,)),
    "a length in hex": (post(b"Content-Length: 0x22", body=BODY) + NEXT, (BAD,)),
    "a length with a point": (post(b"Content-Length: 34.0", body=BODY) + NEXT, (BAD,)),
    "a length with an underscore": (post(b"Content-Length: 3_4", body=BODY) + NEXT, (BAD,)),
    "a length with a space in it": (post(b"Content-Length: 3 4", body=BODY) + NEXT, (BAD,)),
    "a length in other digits": (
        post("Content-Length: \uff13\uff14".encode(), body=BODY) + NEXT,
        (BAD,),
    ),
    "an empty length": (post(b"Content-Length:", body=BODY) + NEXT, (BAD,)),
    "a huge length": (post(b"Content-Length: " + b"9" * 40, body=BODY) + NEXT, (BAD,)),
    "a length beyond 64 bits": (
        post(b"Content-Length: 18446744073709551650", body=BODY) + NEXT,
        (BAD,),
    ),
    "a length with zeros first": (
        post(b"Content-Length: 000034", body=BODY) + NEXT,
        (READ, LIVE),
    ),
    "a length with spaces around": (
        post(b"Content-Length:  34 ", body=BODY) + NEXT,
        (READ, LIVE),
    ),
    "a space before the colon": (post(b"Content-Length : 34", body=BODY) + NEXT, (BAD,)),
    "a tab before the colon": (post(b"Content-Length\t: 34", body=BODY) + NEXT, (BAD,)),
    "capitals": (post(b"CONTENT-LENGTH: 34", body=BODY) + NEXT, (READ, LIVE)),
    "an underscore in the name": (
        post(LENGTH, b"Content_Length: 0", body=BODY) + NEXT,
        (READ, LIVE),
    ),
    "no length": (post(body=b"") + NEXT, (BAD, LIVE)),
    "a request in the body": (
        post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + NEXT,
        (BAD, LIVE),
    ),
    "a request in a body that is not read": (
        b"POST /legacy/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b%b"
        % (len(SMUGGLED), SMUGGLED, NEXT),
        (401, LIVE),
    ),
    "a body of GET": (get(b"Content-Length: 5") + b"hello" + NEXT, (BAD, LIVE)),
    "a request as the body of GET": (
        get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED + NEXT,
        (BAD, LIVE),
    ),
    "a chunked body of GET": (
        get(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n" + NEXT,
        (BAD, LIVE),
    ),
    "a body of HEAD": (
        b"HEAD /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + NEXT,
        (BAD, LIVE),
    ),
    "GET with an empty body": (get(b"Content-Length: 0") + NEXT, (LIVE, LIVE)),
}

ENCODINGS: Table = {
    "chunks": (chunked(chunks=CHUNK + b"0\r\n\r\n") + NEXT, (READ, LIVE)),
    "chunked in capitals": (
        post(b"Transfer-Encoding: CHUNKED", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (READ, LIVE),
    ),
    "identity": (post(b"Transfer-Encoding: identity", body=BODY) + NEXT, (BAD,)),
    "gzip": (post(b"Transfer-Encoding: gzip", body=BODY) + NEXT, (BAD,)),
    "gzip, then chunked": (
        post(b"Transfer-Encoding: gzip, chunked", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD, LIVE),
    ),
    "chunked, then gzip": (
        post(b"Transfer-Encoding: chunked, gzip", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunked twice": (
        post(b"Transfer-Encoding: chunked, chunked", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "two encodings": (
        chunked(b"Transfer-Encoding: identity", chunks=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunked in two lines": (
        chunked(b"Transfer-Encoding: chunked", chunks=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "an unknown encoding": (post(b"Transfer-Encoding: xchunked", body=BODY) + NEXT, (BAD,)),
    "chunked with a parameter": (
        post(b"Transfer-Encoding: chunked;a=b", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunked in quotes": (
        post(b'Transfer-Encoding: "chunked"', body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunked after a vertical tab": (
        post(b"Transfer-Encoding: \x0bchunked", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunked after a NUL": (
        post(b"Transfer-Encoding: \x00chunked", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "an empty encoding": (post(b"Transfer-Encoding:", LENGTH, body=BODY) + NEXT, (BAD, LIVE)),
    "a space before its colon": (
        post(b"Transfer-Encoding : chunked", body=CHUNK + b"0\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "chunks in HTTP/1.0": (
        post(b"Transfer-Encoding: chunked", body=CHUNK + b"0\r\n\r\n", version=b"HTTP/1.0") + NEXT,
        (BAD,),
    ),
    "chunks and length in HTTP/1.0": (
        post(
            b"Transfer-Encoding: chunked", LENGTH, body=b"0\r\n\r\n" + SMUGGLED, version=b"HTTP/1.0"
        ),
        (BAD,),
    ),
}

CHUNKS: Table = {
    "two chunks": (
        chunked(chunks=b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:5], SIZE - 5, BODY[5:])) + NEXT,
        (READ, LIVE),
    ),
    "a size with zeros first": (
        chunked(chunks=b"00000%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)) + NEXT,
        (READ, LIVE),
    ),
    "a size in capitals": (
        chunked(chunks=b"A\r\n%b\r\n18\r\n%b\r\n0\r\n\r\n" % (BODY[:10], BODY[10:])) + NEXT,
        (READ, LIVE),
    ),
    "an extension": (
        chunked(chunks=b"%x;name=value\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)) + NEXT,
        (READ, LIVE),
    ),
    "a trailer": (
        chunked(chunks=CHUNK + b"0\r\nX-Checksum: 1\r\n\r\n") + NEXT,
        (READ, LIVE),
    ),
    "a trailer that sets a length": (
        chunked(chunks=CHUNK + b"0\r\nContent-Length: 5\r\n\r\n") + NEXT,
        (BAD,),
    ),
    "a trailer that is a request": (
        chunked(chunks=CHUNK + b"0\r\nX: GET /smuggled HTTP/1.1\r\n\r\n") + NEXT,
        (READ, LIVE),
    ),
    "a negative size": (chunked(chunks=b"-1\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a signed size": (chunked(chunks=b"+22\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a size with 0x": (chunked(chunks=b"0x22\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a size with an underscore": (
        chunked(chunks=b"2_2\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT,
        (BAD,),
    ),
    "a size that is no number": (chunked(chunks=b"zz\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "an empty size": (chunked(chunks=b"\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a size after a space": (chunked(chunks=b" 22\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a size before a space": (chunked(chunks=b"22 \r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a size before a tab": (chunked(chunks=b"22\t\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a huge size": (chunked(chunks=b"f" * 20 + b"\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a size beyond 64 bits": (
        chunked(chunks=b"1000000000000000022\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT,
        (BAD,),
    ),
    "a bare LF after the size": (chunked(chunks=b"22\n%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a bare CR after the size": (chunked(chunks=b"22\r%b\r\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a bare LF after the chunk": (chunked(chunks=b"22\r\n%b\n0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "nothing after the chunk": (chunked(chunks=b"22\r\n%b0\r\n\r\n" % BODY) + NEXT, (BAD,)),
    "a chunk that is too long": (
        chunked(chunks=b"22\r\n%bxx\r\n0\r\n\r\n" % BODY) + NEXT,
        (BAD,),
    ),
    "a bare LF in an extension": (
        chunked(chunks=b"22;a\nb\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT,
        (BAD,),
    ),
    "a bare CR in an extension": (
        chunked(chunks=b"22;a\rb\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT,
        (BAD,),
    ),
    "a bare LF in a trailer": (chunked(chunks=CHUNK + b"0\r\nX: 1\n\n") + NEXT, (BAD,)),
    "a folded trailer": (chunked(chunks=CHUNK + b"0\r\nX: 1\r\n 2\r\n\r\n") + NEXT, (BAD,)),
    "a trailer without a colon": (chunked(chunks=CHUNK + b"0\r\nsmuggled\r\n\r\n") + NEXT, (BAD,)),
    "a NUL in a trailer": (chunked(chunks=CHUNK + b"0\r\nX: \x00\r\n\r\n") + NEXT, (BAD,)),
    "a huge extension": (
        chunked(chunks=b"22;" + b"a" * 100_000 + b"\r\n%b\r\n0\r\n\r\n" % BODY) + NEXT,
        (READ, LIVE),
    ),
    "a huge trailer": (
        chunked(chunks=CHUNK + b"0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n") + NEXT,
        (BAD,),
    ),
}

LINES: Table = {
    "bare LF in all lines": (NEXT.replace(b"\r\n", b"\n") + NEXT, (BAD,)),
    "a bare LF after the request line": (NEXT.replace(b"1.1\r\n", b"1.1\n", 1) + NEXT, (BAD,)),
    "a bare LF after a header": (NEXT.replace(b"localhost\r\n", b"localhost\n", 1) + NEXT, (BAD,)),
    "a bare CR after a header": (NEXT.replace(b"localhost\r\n", b"localhost\r", 1) + NEXT, (BAD,)),
    "a bare CR in a value": (get(b"X: a\rb") + NEXT, (BAD,)),
    "a bare LF in a value": (get(b"X: a\nSmuggled: b") + NEXT, (BAD,)),
    "a folded header": (get(b"X: a\r\n b") + NEXT, (BAD,)),
    "a header folded with a tab": (get(b"X: a\r\n\tb") + NEXT, (BAD,)),
    "a folded length": (post(b"Content-Length:\r\n 34", body=BODY) + NEXT, (BAD,)),
    "a space before the first header": (
        b"GET /health/live HTTP/1.1\r\n Host: localhost\r\n\r\n" + NEXT,
        (BAD,),
    ),
    "an empty line first": (b"\r\n" + NEXT, (LIVE,)),
    "empty lines first": (b"\r\n\r\n\r\n" + NEXT, (LIVE,)),
    "a bare LF first": (b"\n" + NEXT, (LIVE,)),
    "two spaces after the method": (NEXT.replace(b"GET ", b"GET  ", 1) + NEXT, (BAD,)),
    "two spaces before the version": (NEXT.replace(b" HTTP", b"  HTTP", 1) + NEXT, (BAD,)),
    "a tab after the method": (NEXT.replace(b"GET ", b"GET\t", 1) + NEXT, (BAD,)),
    "a space after the version": (NEXT.replace(b"1.1\r\n", b"1.1 \r\n", 1) + NEXT, (BAD,)),
    "a space before the method": (b" " + NEXT + NEXT, (BAD,)),
    "no target": (b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, (BAD,)),
    "a method in small letters": (NEXT.replace(b"GET", b"get", 1), (BAD,)),
    "an unknown method": (NEXT.replace(b"GET", b"BREW", 1), (BAD,)),
    "a method with a colon": (NEXT.replace(b"GET", b"G:T", 1) + NEXT, (BAD,)),
    "a NUL in the method": (NEXT.replace(b"GET", b"G\x00T", 1) + NEXT, (BAD,)),
    "a hello of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40, (BAD,)),
    "nonsense": (b"nonsense\r\n\r\n" + NEXT, (BAD,)),
}

HEADERS: Table = {
    "a NUL in a value": (get(b"X: a\x00b") + NEXT, (BAD,)),
    "a NUL in a name": (get(b"X\x00: a") + NEXT, (BAD,)),
    "a control character in a value": (get(b"X: a\x01b") + NEXT, (BAD,)),
    "a DEL in a value": (get(b"X: a\x7fb") + NEXT, (BAD,)),
    "an escape in a value": (get(b"X: a\x1bb") + NEXT, (BAD,)),
    "bytes beyond ASCII in a value": (get(b"X: \xff\xfe") + NEXT, (LIVE, LIVE)),
    "bytes beyond ASCII in a name": (get(b"X\xc3\xa9: a") + NEXT, (BAD,)),
    "an empty name": (get(b": a") + NEXT, (BAD,)),
    "no colon": (get(b"smuggled") + NEXT, (BAD,)),
    "a space in a name": (get(b"X Y: a") + NEXT, (BAD,)),
    "a name in brackets": (get(b"(X): a") + NEXT, (BAD,)),
    "a name with a slash": (get(b"X/Y: a") + NEXT, (BAD,)),
    "an empty value": (get(b"X:") + NEXT, (LIVE, LIVE)),
    "a value without a space": (get(b"X:a") + NEXT, (LIVE, LIVE)),
    "a huge value": (get(b"X: " + b"a" * 100_000) + NEXT, (BAD,)),
    "a huge name": (get(b"X" * 100_000 + b": a") + NEXT, (BAD,)),
    "a thousand headers": (get(*[b"X: a"] * 1000) + NEXT, (BAD,)),
    "a huge request line": (get(target=b"/" + b"a" * 100_000) + NEXT, (BAD,)),
    "a token in a broken line": (get(b"Authorization: Bearer " + TOKEN + b"\x00") + NEXT, (BAD,)),
    "a token in a target that is too long": (
        get(target=b"/tmp/demo/" + TOKEN + b"a" * 10_000) + NEXT,
        (BAD,),
    ),
    "two credentials": (
        post(b"Authorization: Bearer nonsense", LENGTH, body=BODY) + NEXT,
        (401, LIVE),
    ),
}

HOSTS: Table = {
    "two hosts": (get(b"Host: other.example") + NEXT, (BAD,)),
    "two equal hosts": (get(b"Host: localhost") + NEXT, (BAD,)),
    "no host": (b"GET /health/live HTTP/1.1\r\n\r\n" + NEXT, (BAD,)),
    "no host in HTTP/1.0": (b"GET /health/live HTTP/1.0\r\n\r\n", (LIVE,)),
    "an empty host": (b"GET /health/live HTTP/1.1\r\nHost:\r\n\r\n" + NEXT, (LIVE, LIVE)),
    "another host": (
        b"GET /health/live HTTP/1.1\r\nHost: other.example\r\n\r\n" + NEXT,
        (LIVE, LIVE),
    ),
    **{
        f"a host that is none, {number}": (
            b"GET /health/live HTTP/1.1\r\nHost: " + host + b"\r\n\r\n" + NEXT,
            (LIVE, LIVE),
        )
        for number, host in enumerate(
            [b"a b", b"a/b", b"a@b", b"a,b", b"[::1", b"localhost:99999", b"http://a/", b"\xff"], 1
        )
    },
}

VERSIONS: Table = {
    "HTTP/1.0": (get(version=b"HTTP/1.0"), (LIVE,)),
    "HTTP/1.0 and more": (get(version=b"HTTP/1.0") + NEXT, (BAD,)),
    "HTTP/1.0 that stays": (
        get(b"Connection: keep-alive", version=b"HTTP/1.0") + NEXT,
        (LIVE, LIVE),
    ),
    "HTTP/0.9": (b"GET /health/live\r\n\r\n" + NEXT, (BAD,)),
    "HTTP/0.9 with headers": (get(version=b"") + NEXT, (BAD,)),
    "HTTP/1.2": (get(version=b"HTTP/1.2") + NEXT, (BAD,)),
    "HTTP/1.10": (get(version=b"HTTP/1.10") + NEXT, (BAD,)),
    "HTTP/2.0": (get(version=b"HTTP/2.0") + NEXT, (BAD,)),
    "HTTP/3.0": (get(version=b"HTTP/3.0") + NEXT, (BAD,)),
    "HTTP/01.1": (get(version=b"HTTP/01.1") + NEXT, (BAD,)),
    "HTTP/1": (get(version=b"HTTP/1") + NEXT, (BAD,)),
    "HTTP/-1.1": (get(version=b"HTTP/-1.1") + NEXT, (BAD,)),
    "http/1.1": (get(version=b"http/1.1") + NEXT, (BAD,)),
    "HTTPS/1.1": (get(version=b"HTTPS/1.1") + NEXT, (BAD,)),
    "another protocol": (get(version=b"RTSP/1.0") + NEXT, (BAD,)),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (BAD,)),
}

TARGETS: Table = {
    "absolute form": (get(target=b"http://localhost/health/live") + NEXT, (BAD, LIVE)),
    "absolute form of another host": (get(target=b"http://other.example/") + NEXT, (BAD, LIVE)),
    "absolute form with a password": (get(target=b"http://u:p@localhost/") + NEXT, (BAD, LIVE)),
    "authority form": (get(target=b"localhost:80") + NEXT, (BAD,)),
    "CONNECT": (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n" + NEXT, (BAD, LIVE)),
    "asterisk": (get(target=b"*") + NEXT, (BAD,)),
    "OPTIONS of everything": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, (BAD, LIVE)),
    "TRACE": (NEXT.replace(b"GET", b"TRACE", 1), (METHOD,)),
    "a NUL in the target": (get(target=b"/health\x00/live") + NEXT, (BAD,)),
    "an escaped NUL in the target": (get(target=b"/health%00/live") + NEXT, (BAD, LIVE)),
    "an escaped line end in the target": (get(target=b"/%0d%0aX:%20y") + NEXT, (BAD, LIVE)),
    "a space in the target": (get(target=b"/health/ live") + NEXT, (BAD,)),
    "bytes beyond ASCII in the target": (get(target=b"/\xc3\xa9") + NEXT, (BAD,)),
    "a fragment": (get(target=b"/health/live#x") + NEXT, (BAD, LIVE)),
    "two slashes": (get(target=b"//other.example/health/live") + NEXT, (MISSING, LIVE)),
    "dots": (get(target=b"/tmp/../health/live") + NEXT, (BAD, LIVE)),
    "escaped dots": (get(target=b"/tmp/%2e%2e/health/live") + NEXT, (BAD, LIVE)),
    "a backslash": (get(target=b"/health\\live") + NEXT, (BAD, LIVE)),
}

PIPELINES: Table = {
    "two requests": (get() + NEXT, (LIVE, LIVE)),
    "three requests, one unknown": (get() + get(target=b"/no") + NEXT, (LIVE, MISSING, LIVE)),
    "twenty requests": (get() * 20 + NEXT, (LIVE,) * 21),
    "a hundred requests": (get() * 100 + NEXT, (LIVE,) * 101),
    "a body between requests": (get() + post(LENGTH, body=BODY) + NEXT, (LIVE, READ, LIVE)),
    "a broken request after another": (get() + b"\x00\r\n\r\n" + NEXT, (BAD,)),
    "a request after the last one": (NEXT + SMUGGLED, (BAD,)),
    "Connection: close and more": (get(b"Connection: close") + SMUGGLED, (BAD,)),
    "a refused body and another request": (
        b"POST /legacy/ HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n%b%b" % (LENGTH, BODY, NEXT),
        (401, LIVE),
    ),
    "an upgrade to WebSocket": (
        get(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13") + NEXT,
        (LIVE,),
    ),
    "an upgrade to HTTP/2": (
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAA") + NEXT,
        (LIVE,),
    ),
    "an upgrade of a request with a body": (
        post(b"Connection: Upgrade", b"Upgrade: h2c", LENGTH, body=BODY) + NEXT,
        (READ,),
    ),
    "100-continue": (post(b"Expect: 100-continue", LENGTH, body=BODY) + NEXT, (100, READ, LIVE)),
    "an unknown expectation": (post(b"Expect: more", LENGTH, body=BODY) + NEXT, (417, LIVE)),
    "half of a body, then the end": (post(b"Content-Length: 1000", body=BODY + NEXT), (408,)),
}
