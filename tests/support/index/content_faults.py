"""What upstream may answer in place of a document, byte by byte."""

import gzip
import zlib
from collections.abc import Callable

LONGEST = 2**20
"""Bytes that a page may have in tests of what is too long."""

_PADDING = b" " * (8 * LONGEST)
_LOG_IN = b"<!DOCTYPE html>\n<html><body><form action='/login'>Log in</form></body></html>"

Fault = Callable[[bytes, str], bytes]
"""Makes what goes over the wire from the document that should, and its type."""


def answer(
    body: bytes, kind: str, *headers: str, status: str = "200 OK", length: int | None = None
) -> bytes:
    """Return a whole answer; a *length* may say something else than the body."""
    said = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    said += [f"Content-Type: {kind}"] if kind else []
    said.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*said, "", ""]).encode() + body


def typed(kind: str) -> Fault:
    """Return the fault of a wrong type."""
    return lambda body, _: answer(body, kind)


def encoded(encoding: str, pack: Callable[[bytes], bytes]) -> Fault:
    """Return the fault of an encoding that is unknown, or broken."""
    return lambda body, kind: answer(pack(body), kind, f"Content-Encoding: {encoding}")


def changed(change: Callable[[bytes], bytes]) -> Fault:
    """Return the fault of a body that was changed."""
    return lambda body, kind: answer(change(body), kind)


def replaced(old: bytes, new: bytes) -> Fault:
    """Return the fault of a body that says something else."""
    return changed(lambda body: body.replace(old, new))


def value(written: bytes) -> Fault:
    """Return the fault of a JSON document with a strange value."""
    return changed(lambda body: b'{"strange":' + written + b"," + body.lstrip()[1:])


def redirected(location: str) -> Fault:
    """Return the fault of a redirect that leads nowhere."""
    return lambda _, kind: answer(b"", kind, f"Location: {location}", status="302 Found")


def told(status: str) -> Fault:
    """Return the fault of a status that does not go with a whole document."""
    return lambda body, kind: answer(body, kind, status=status)


def cut_by_length(body: bytes, kind: str) -> bytes:
    """Return half of a document under the length of the whole."""
    return answer(body[: len(body) // 2], kind, length=len(body))


def cut_by_chunks(body: bytes, kind: str) -> bytes:
    """Return a document in chunks, of which the last never comes."""
    return _chunked(body, kind)


def cut_in_a_chunk(body: bytes, kind: str) -> bytes:
    """Return a document in one chunk, half of which never comes."""
    return _chunked(body, kind)[: -len(body) // 2]


def cut_without_length(body: bytes, kind: str) -> bytes:
    """Return half of a document that ends where the connection does."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
    return head.encode() + body[: len(body) // 2]


def bad_chunks(body: bytes, kind: str) -> bytes:
    """Return a document in chunks whose lengths are no numbers."""
    return _chunked(body, kind).replace(b"\r\n\r\n", b"\r\n\r\nzz\r\n", 1)


def no_http(_body: bytes, _kind: str) -> bytes:
    """Return what is no answer at all."""
    return b"SSH-2.0-OpenSSH_9.9\r\n"


def log_in(_body: bytes, _kind: str) -> bytes:
    """Return the page of a proxy that wants to know who asks."""
    return answer(_LOG_IN, "text/html")


def bomb(body: bytes) -> bytes:
    """Return the document packed, with much behind it that takes no room."""
    return gzip.compress(body + _PADDING)


def bomb_of_members(body: bytes) -> bytes:
    """Return the document packed, and many more members of which each is small."""
    return gzip.compress(body) + gzip.compress(_PADDING[:LONGEST]) * 64


def empty_blocks(body: bytes) -> bytes:
    """Return much that unpacks to nothing, before the document."""
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    return head + b"\x00\x00\x00\xff\xff" * LONGEST + packer.compress(body) + packer.flush()


def too_long(body: bytes) -> bytes:
    """Return the document with too much behind it."""
    return body + _PADDING[: LONGEST + 1]


def _chunked(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"%x\r\n" % len(body) + body + b"\r\n"
