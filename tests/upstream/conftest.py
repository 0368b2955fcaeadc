"""Fixtures: a cache over a fake index."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from stageproxy.upstream.session import Timeouts, open_session
from tests.support.builders.distributions import a_wheel
from tests.support.clients.cached_reader import CachedReader
from tests.support.index.fake_index import FakeIndex


@pytest.fixture
async def reader(index: FakeIndex) -> AsyncIterator[CachedReader]:
    """Return a reader of an index that has demo 1.0, with short timeouts."""
    index.add("demo", a_wheel())
    second = timedelta(seconds=1)
    async with open_session(Timeouts(second, second / 5)) as session:
        yield CachedReader(index, session)
