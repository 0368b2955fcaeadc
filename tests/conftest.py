"""Fixtures of more than one folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.index.fake_index import FakeIndex
from tests.support.servers.service import RunningService, running_service


@pytest.fixture
async def index() -> AsyncIterator[FakeIndex]:
    """Return a running index that is empty."""
    async with FakeIndex.running() as running:
        yield running


@pytest.fixture
async def service(tmp_path: Path, index: FakeIndex) -> AsyncIterator[RunningService]:
    """Return a running service over `index`."""
    async with running_service(tmp_path / "data", index) as running:
        yield running
