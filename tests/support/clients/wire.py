"""Requests as bytes that no HTTP client sends."""

import asyncio
from contextlib import closing
from urllib.parse import urlsplit


async def exchange(url: str, request: bytes, *, hang_up: bool = False, wait: float = 60) -> bytes:
    """Return everything that a server sends until it closes the connection."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    with closing(writer):
        writer.write(request)
        await writer.drain()
        if hang_up:
            writer.transport.abort()
            return b""
        async with asyncio.timeout(wait):
            return await reader.read()


def status_of(answer: bytes) -> int:
    """Return the status of an answer."""
    return int(answer.split(maxsplit=2)[1])


def body_in(answer: bytes) -> bytes:
    """Return the body of an answer."""
    return answer.partition(b"\r\n\r\n")[2]


def a_request(
    target: str | bytes, method: str = "GET", version: str = "1.1", *headers: str
) -> bytes:
    """Return a request for a target in any spelling; the answer closes the connection."""
    raw = target if isinstance(target, bytes) else target.encode()
    lines = ["Host: localhost", "Connection: close", *headers]
    return b"%s %s HTTP/%s\r\n%s\r\n\r\n" % (
        method.encode(),
        raw,
        version.encode(),
        "\r\n".join(lines).encode(),
    )
