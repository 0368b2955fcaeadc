"""Documents below a stage that is over."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.builders.distributions import Distribution
from tests.support.servers.service import PIP, RunningService, prefix_of

PATHS = [
    *("simple/", "simple/demo/", "pypi/demo/json", "pypi/demo/json/", "pypi/Demo/json"),
    *("pypi/demo/2.0/json", "pypi/demo/1.0/json", "pypi/other/json", "rss/updates.xml"),
    *("rss/project/demo/releases.xml", "integrity/demo/2.0/{wheel}/provenance"),
]


Ending = Callable[[RunningService, Any], Awaitable[object]]


async def cancel(service: RunningService, stage: Any) -> None:
    """End a stage by hand."""
    await service.api("DELETE", f"stages/{stage['id']}")


async def expire(service: RunningService, _stage: Any) -> None:
    """Let a stage's time run out; nobody swept yet."""
    service.clock.advance(days=7)


async def rotate(service: RunningService, stage: Any) -> None:
    """Give a stage another URL."""
    await service.api("POST", f"stages/{stage['id']}/rotate")


@pytest.mark.parametrize("ending", [cancel, expire, rotate], ids=["canceled", "expired", "rotated"])
@pytest.mark.parametrize("path", PATHS)
async def test_gone(
    service: RunningService, stage: Any, wheel: Distribution, path: str, ending: Ending
) -> None:
    """Each document of a stage that is over is gone, though it was kept before (80)."""
    url = prefix_of(stage) + path.format(wheel=wheel.filename)
    before = await service.get(url, PIP)
    await ending(service, stage)
    service.index.requests.clear()

    after = await service.get(url, PIP, If_None_Match=before.headers.get("ETag", "*"))

    assert (after.status, after.headers["Cache-Control"]) == (410, "private, no-cache")
    assert service.index.requests == []
