"""Probes: how a request arrives at the server."""

import asyncio
from collections.abc import AsyncIterator

from tests.support.servers.service import RunningService


async def test_bodies_that_arrive(service: RunningService) -> None:
    """While a body arrives, its probe is named; then its size is the answer."""
    seen: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        async with asyncio.timeout(60):
            while not seen:
                seen.extend((await service.api("GET", "probe")).document["receiving"])
        yield b"last"

    headers = {"Authorization": f"Bearer {service.admin}"}
    url = f"{service.url}/api/probe/abc"
    async with service.session.post(url, data=body(), headers=headers) as response:
        document = await response.json(content_type=None)

    assert (seen, document["bytes"]) == (["abc"], 9)
    assert (await service.api("GET", "probe")).document["receiving"] == []


async def test_instance(service: RunningService) -> None:
    """The instance is the one that anybody sees."""
    probe = (await service.api("GET", "probe")).document

    assert (await service.get("/health/live")).document["instance"] == probe["instance"]
    assert (probe["client"], probe["is-forwarded"]) == ("127.0.0.1", False)
