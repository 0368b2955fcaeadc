"""Faults of upstream's answers, byte by byte."""

import gzip
import zlib
from collections.abc import Callable, Mapping

LONGEST = 2**20
"""The greatest length of a page in tests of long ones."""

_PADDING = b" " * (8 * LONGEST)
_LOG_IN = b"<!DOCTYPE html>\n<html><body><form action='/login'>Log in</form></body></html>"

ContentFault = Callable[[bytes, str], bytes]
"""Makes the bytes of an answer from a document and its type."""


def answer(
    body: bytes, kind: str, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """Return a whole answer; its *length* may differ from that of the body."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def typed(kind: str) -> ContentFault:
    """Return the fault of another type."""
    return lambda body, _: answer(body, kind)


def encoded(encoding: str, pack: Callable[[bytes], bytes]) -> ContentFault:
    """Return the fault of an unknown or broken encoding."""
    return lambda body, kind: answer(pack(body), kind, f"Content-Encoding: {encoding}")


def changed(change: Callable[[bytes], bytes]) -> ContentFault:
    """Return the fault of a changed body."""
    return lambda body, kind: answer(change(body), kind)


def replaced(old: bytes, new: bytes) -> ContentFault:
    """Return the fault of another body."""
    return changed(lambda body: body.replace(old, new))


def value(written: bytes) -> ContentFault:
    """Return the fault of a JSON document with an invalid value."""
    return changed(lambda body: b'{"strange":' + written + b"," + body.lstrip()[1:])


def redirected(location: str) -> ContentFault:
    """Return the fault of a redirect to nowhere."""
    return lambda _, kind: answer(b"", kind, f"Location: {location}", status="302 Found")


def told(status: str) -> ContentFault:
    """Return the fault of a status that does not match a whole document."""
    return lambda body, kind: answer(body, kind, status=status)


def cut_by_length(body: bytes, kind: str) -> bytes:
    """Return half of a document with the length of the whole."""
    return answer(body[: len(body) // 2], kind, length=len(body))


def cut_by_chunks(body: bytes, kind: str) -> bytes:
    """Return a document in chunks without the last one."""
    return _chunked(body, kind)


def cut_in_a_chunk(body: bytes, kind: str) -> bytes:
    """Return half of a document in a chunk of the whole length."""
    return _chunked(body, kind)[: -len(body) // 2]


def cut_without_length(body: bytes, kind: str) -> bytes:
    """Return half of a document that ends with the connection."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    return head.encode() + body[: len(body) // 2]


def bad_chunks(body: bytes, kind: str) -> bytes:
    """Return a document in chunks with invalid lengths."""
    return _chunked(body, kind).replace(b"\r\n\r\n", b"\r\n\r\nzz\r\n", 1)


def no_http(_body: bytes, _kind: str) -> bytes:
    """Return bytes that are not HTTP."""
    return b"SSH-2.0-OpenSSH_9.9\r\n"


def log_in(_body: bytes, _kind: str) -> bytes:
    """Return the log-in page of a proxy."""
    return answer(_LOG_IN, "text/html")


def bomb(body: bytes) -> bytes:
    """Return the compressed document with much appended that takes no space."""
    return gzip.compress(body + _PADDING)


def bomb_of_members(body: bytes) -> bytes:
    """Return the compressed document with many small members appended."""
    return gzip.compress(body) + gzip.compress(_PADDING[:LONGEST]) * 64


def empty_blocks(body: bytes) -> bytes:
    """Return much that decompresses to nothing before the document."""
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    return head + b"\x00\x00\x00\xff\xff" * LONGEST + packer.compress(body) + packer.flush()


def too_long(body: bytes) -> bytes:
    """Return the document with too much appended."""
    return body + _PADDING[: LONGEST + 1]


def _chunked(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"%x\r\n" % len(body) + body + b"\r\n"


CONTENT_FAULTS: Mapping[str, ContentFault] = {
    "another type": typed("image/png"),
    "text": lambda _body, _kind: answer(b"no such page", "text/plain"),
    "text without a type": lambda _body, _kind: answer(b"no such page", ""),
    "nothing": changed(lambda _: b""),
    "white space": changed(lambda _: b" \n"),
    "JSON of something else": changed(lambda _: b'{"message":"hello"}'),
    "null": changed(lambda _: b"null"),
    "not UTF-8": changed(lambda body: body[:-20] + b"\xff" + body[-20:]),
    "UTF-16": changed(lambda body: body.decode().encode("utf-16")),
    "cut off by its length": cut_by_length,
    "cut off by its chunks": cut_by_chunks,
    "cut off in a chunk": cut_in_a_chunk,
    "cut off, of unknown length": cut_without_length,
    "invalid chunks": bad_chunks,
    "no HTTP": no_http,
    "a log-in page": log_in,
    "a gzip bomb": encoded("gzip", bomb),
    "a gzip bomb of many members": encoded("gzip", bomb_of_members),
    "gzip of two members": encoded("gzip", lambda body: gzip.compress(body) * 2),
    "gzip of empty blocks": encoded("gzip", empty_blocks),
    "invalid gzip": encoded("gzip", bytes),
    "broken gzip": encoded("gzip", lambda body: gzip.compress(body)[:-9] + bytes(9)),
    "half of gzip": encoded("gzip", lambda body: gzip.compress(body)[: len(body) // 8]),
    "no gzip at all": encoded("gzip", lambda _: b""),
    "gzip twice": encoded("gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    "Brotli": encoded("br", bytes),
    "Zstandard": encoded("zstd", bytes),
    "deflate": encoded("deflate", zlib.compress),
    "too long": changed(too_long),
    "a part": told("206 Partial Content"),
    "an answer without a document": told("203 Non-Authoritative Information"),
    "an unrequested 304": told("304 Not Modified"),
    "a redirect in circles": redirected("?again"),
    "a redirect to another host": redirected("http://elsewhere.example.org/"),
    "a redirect to no URL": redirected("http://[::1"),
    "a redirect to nowhere": redirected(""),
}
"""Faults that any document may have."""
