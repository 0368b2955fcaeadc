"""Fixtures: a staged release of a project that has a published one."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from stageproxy.web.serving.logs import RedactingFormatter
from tests.support.builders.distributions import Distribution, a_wheel, an_sdist
from tests.support.index.fake_index import FakeIndex
from tests.support.promotion.promotion_client import PromotionClient, promotion_settings
from tests.support.servers.service import RunningService, prefix_of, running_service

WHEEL = a_wheel(version="2.0", requires_python=">=3.8")
SDIST = an_sdist(version="2.0", requires_python=">=3.9")


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service that asks upstream each time, shows no stale page, and publishes."""
    async with running_service(
        tmp_path / "data",
        index,
        upstream={"fresh_for": 0, "stale_for": 0},
        promotion=promotion_settings(index),
    ) as running:
        index.uploads.use(running.clock)
        yield running


@pytest.fixture
def promotion_client(service: RunningService) -> PromotionClient:
    """Return a client of the promotion API with the admin token."""
    return PromotionClient(service)


@pytest.fixture
def wheel() -> Distribution:
    """Return the staged wheel."""
    return WHEEL


@pytest.fixture
def sdist() -> Distribution:
    """Return the staged sdist."""
    return SDIST


@pytest.fixture
async def stage(service: RunningService) -> Any:
    """Return the stage of demo 2.0, as the admin reads it, with demo 1.0 on the index."""
    service.index.add("demo", a_wheel(version="1.0"), an_sdist(version="1.0"))
    service.index.add("other", a_wheel("other"), an_sdist("other"))
    staged = await service.staged(WHEEL, SDIST)
    service.index.requests.clear()
    return staged


@pytest.fixture
def prefix(stage: Any) -> str:
    """Return the stage URL of demo 2.0."""
    return prefix_of(stage)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return everything that is logged, as the server writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
